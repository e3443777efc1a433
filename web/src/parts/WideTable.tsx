// A table with a head that names its columns. Wide on a small screen, it scrolls by itself, by keys too.

import type { ReactNode } from "react"

/** A column of numbers stands to the right; a hidden name is only heard. */
export type Column = string | { readonly number: string } | { readonly hidden: string }

const Head = ({ column }: { readonly column: Column }) => {
  if (typeof column === "string") return <th scope="col">{column}</th>
  if ("hidden" in column) {
    return (
      <th scope="col">
        <span className="hidden-text">{column.hidden}</span>
      </th>
    )
  }
  return (
    <th scope="col" className="number">
      {column.number}
    </th>
  )
}

const nameOf = (column: Column): string =>
  typeof column === "string" ? column : "hidden" in column ? column.hidden : column.number

interface WideTableProps {
  /** Says what is listed to those who do not see it. */
  readonly name: string
  readonly className?: string
  readonly columns: ReadonlyArray<Column>
  /** The rows. */
  readonly children: ReactNode
}

export const WideTable = ({ name, className = "admin-table", columns, children }: WideTableProps) => (
  // Whatever scrolls has to be reached by keys.
  // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
  <div className="wide" tabIndex={0} role="region" aria-label={name}>
    <table className={className}>
      <thead>
        <tr>
          {columns.map((column) => (
            <Head key={nameOf(column)} column={column} />
          ))}
        </tr>
      </thead>
      <tbody>{children}</tbody>
    </table>
  </div>
)
