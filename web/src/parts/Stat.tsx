// One number with its name.

import type { ReactNode } from "react"

interface StatProps {
  readonly name: string
  readonly value: string
  readonly tone?: "plain" | "bad" | "warn"
  readonly note?: ReactNode
}

export const Stat = ({ name, value, tone = "plain", note }: StatProps) => (
  <div className="stat">
    <dt>{name}</dt>
    <dd className={`tone-${tone}`}>{value}</dd>
    {note === undefined ? null : <dd className="stat-note">{note}</dd>}
  </div>
)
