// The time range of the whole console, as the URL holds it: `last=300` seconds, or `from` and `to` in microseconds since 1970.

export type TimeRange =
  | { readonly kind: "last"; readonly seconds: number }
  | { readonly kind: "absolute"; readonly fromUs: number; readonly toUs: number }

const defaultSeconds = 300
const maxSeconds = 31 * 86_400

export const presets: ReadonlyArray<{
  readonly seconds: number
  readonly short: string
  readonly long: string
}> = [
  { seconds: 60, short: "1 m", long: "Last minute" },
  { seconds: 300, short: "5 m", long: "Last 5 minutes" },
  { seconds: 900, short: "15 m", long: "Last 15 minutes" },
  { seconds: 3_600, short: "1 h", long: "Last hour" },
  { seconds: 21_600, short: "6 h", long: "Last 6 hours" },
  { seconds: 86_400, short: "24 h", long: "Last 24 hours" },
]

const wholeNumber = (text: string | null): number | undefined =>
  text !== null && /^[0-9]{1,16}$/.test(text) ? Number(text) : undefined

/** What cannot be read is the default: a damaged link still shows something. */
export const readRange = (params: URLSearchParams): TimeRange => {
  const fromUs = wholeNumber(params.get("from"))
  const toUs = wholeNumber(params.get("to"))
  if (fromUs !== undefined && toUs !== undefined && fromUs < toUs) return { kind: "absolute", fromUs, toUs }
  const seconds = wholeNumber(params.get("last"))
  return seconds !== undefined && seconds >= 1 && seconds <= maxSeconds
    ? { kind: "last", seconds }
    : { kind: "last", seconds: defaultSeconds }
}

/** The range as query parameters, of the API and of the page's own URL alike. */
export const rangeParams = (range: TimeRange): Record<"last" | "from" | "to", string> =>
  range.kind === "last"
    ? { last: String(range.seconds), from: "", to: "" }
    : { last: "", from: String(range.fromUs), to: String(range.toUs) }

/** As `rangeParams`; the default is left out, which keeps addresses short. */
export const rangeInUrl = (range: TimeRange): Record<"last" | "from" | "to", string> => ({
  ...rangeParams(range),
  ...(range.kind === "last" && range.seconds === defaultSeconds ? { last: "" } : {}),
})

const day = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric" })
const minute = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" })
const second = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
})

export const describeRange = (range: TimeRange): string => {
  if (range.kind === "last") {
    return presets.find((preset) => preset.seconds === range.seconds)?.long ?? `Last ${range.seconds} s`
  }
  const [from, to] = [new Date(range.fromUs / 1e3), new Date(range.toUs / 1e3)]
  const clock = range.toUs - range.fromUs < 600e6 ? second : minute
  const isOneDay = from.toDateString() === to.toDateString()
  return `${day.format(from)} ${clock.format(from)} – ${isOneDay ? "" : `${day.format(to)} `}${clock.format(to)}`
}
