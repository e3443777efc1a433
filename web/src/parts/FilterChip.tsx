// A filter that only links set: it can be taken away.

import { Icon } from "./Icon.tsx"

interface ChipProps {
  readonly name: string
  readonly value: string
  readonly onClear: () => void
}

export const FilterChip = ({ name, value, onClear }: ChipProps) =>
  value === "" ? null : (
    <button type="button" className="button filter-chip" onClick={onClear}>
      <span className="faint">{name}</span> <span className="cut">{value}</span>
      <Icon name="close" />
      <span className="hidden-text">, take this filter away</span>
    </button>
  )
