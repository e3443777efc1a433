// A choice among a few that are all in sight.

import type { ReactNode } from "react"

interface SegmentedProps {
  readonly name: string
  readonly value: string
  readonly choices: ReadonlyArray<readonly [value: string, text: ReactNode]>
  readonly onChange: (value: string) => void
}

export const Segmented = ({ name, value, choices, onChange }: SegmentedProps) => (
  <div className="segmented" role="group" aria-label={name}>
    {choices.map(([key, text]) => (
      <button key={key} type="button" aria-pressed={key === value} onClick={() => onChange(key)}>
        {text}
      </button>
    ))}
  </div>
)
