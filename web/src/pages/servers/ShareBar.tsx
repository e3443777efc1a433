// What a server carries, as a bar, with a mark where its fair share ends.

import type { CSSProperties } from "react"
import { isAbove } from "./shares.ts"

interface ShareBarProps {
  readonly value: number
  readonly fair: number
  /** What the full width means. */
  readonly scale: number
  /** A plan, not what is. */
  readonly isPlanned?: boolean
}

export const ShareBar = ({ value, fair, scale, isPlanned = false }: ShareBarProps) => (
  <span
    className={`share-bar${isAbove(value, fair) ? " is-above" : ""}${isPlanned ? " is-planned" : ""}`}
    style={{ "--value": value / scale, "--fair": fair / scale } as CSSProperties}
    aria-hidden="true"
  >
    <i className="share-value" />
    {fair > 0 ? <i className="share-fair" /> : null}
  </span>
)
