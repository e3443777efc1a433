// The few line icons of the console, drawn on a 16 by 16 grid.

const paths = {
  sun: "M8 3.2V1.7M8 14.3v-1.5M3.2 8H1.7M14.3 8h-1.5M4.6 4.6 3.5 3.5M12.5 12.5l-1.1-1.1M4.6 11.4l-1.1 1.1M12.5 3.5l-1.1 1.1M10.6 8a2.6 2.6 0 1 1-5.2 0 2.6 2.6 0 0 1 5.2 0",
  moon: "M13.5 9.6A5.8 5.8 0 0 1 6.4 2.5a5.8 5.8 0 1 0 7.1 7.1",
  clock: "M14 8A6 6 0 1 1 2 8a6 6 0 0 1 12 0M8 4.7V8l2.2 1.4",
  down: "M4.5 6.5 8 10l3.5-3.5",
  right: "M6.5 4.5 10 8l-3.5 3.5",
  left: "M9.5 4.5 6 8l3.5 3.5",
  up: "M8 12.5v-9M4.5 7 8 3.5 11.5 7",
  close: "M4 4l8 8M12 4l-8 8",
  search: "M11 7a4 4 0 1 1-8 0 4 4 0 0 1 8 0M10 10l3.5 3.5",
  plus: "M8 3.5v9M3.5 8h9",
  minus: "M3.5 8h9",
  fit: "M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10",
  help: "M14 8A6 6 0 1 1 2 8a6 6 0 0 1 12 0M6.3 6.4a1.75 1.75 0 1 1 2.5 1.6c-.6.3-.8.6-.8 1.2M8 11.2v.05",
  arrow: "M3 8h10M9.5 4.5 13 8l-3.5 3.5",
  table: "M2.5 3.5h11v9h-11zM2.5 6.7h11M6.5 6.7v5.8",
  graph:
    "M5.5 4a1.7 1.7 0 1 1-3.4 0 1.7 1.7 0 0 1 3.4 0M13.9 8a1.7 1.7 0 1 1-3.4 0 1.7 1.7 0 0 1 3.4 0M5.5 12a1.7 1.7 0 1 1-3.4 0 1.7 1.7 0 0 1 3.4 0M5.4 4.7l5.2 2.6M5.4 11.3l5.2-2.6",
  waterfall: "M2 3.5h9M4.5 6.5h7M6.5 9.5h3M6.5 12.5h7.5",
  warning: "M8 2.5 14.2 13.3H1.8zM8 6.5v3.2M8 11.5v.05",
  check: "M3.5 8.5 6.5 11.5 12.5 4.5",
  dots: "M3.5 8h.05M8 8h.05M12.5 8h.05",
  copy: "M5.5 5.5h7v7h-7zM3.5 10.5v-7h7",
}

export type IconName = keyof typeof paths

export const Icon = ({ name }: { readonly name: IconName }) => (
  <svg className="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
    <path d={paths[name]} />
  </svg>
)
