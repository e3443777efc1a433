// A duration with a small logarithmic bar before it, for columns of a list.

import type { CSSProperties } from "react"
import { formatLatency } from "./format.ts"

/** 100 µs is nothing, 10 s is all. */
const share = (us: number): number => Math.min(1, Math.max(0, Math.log10(Math.max(us, 1) / 100) / 5))

export const DurationCell = ({ us }: { readonly us: number }) => (
  <span className="duration-cell">
    <i style={{ "--share": share(us) } as CSSProperties} aria-hidden="true" />
    {formatLatency(us)}
  </span>
)
