// The head of a table's column that sorts by it.

export interface Sorting<Key extends string> {
  readonly by: Key
  readonly isDown: boolean
}

interface SortHeaderProps<Key extends string> {
  readonly column: Key
  readonly text: string
  readonly sorting: Sorting<Key>
  readonly isNumber?: boolean
  readonly onSort: (sorting: Sorting<Key>) => void
}

/** Numbers start with the largest, texts with the first. */
export const SortHeader = <Key extends string>({
  column,
  text,
  sorting,
  isNumber = false,
  onSort,
}: SortHeaderProps<Key>) => {
  const isHere = sorting.by === column
  return (
    <th
      scope="col"
      className={isNumber ? "number" : undefined}
      aria-sort={isHere ? (sorting.isDown ? "descending" : "ascending") : "none"}
    >
      <button
        type="button"
        className="sort"
        onClick={() => onSort({ by: column, isDown: isHere ? !sorting.isDown : isNumber })}
      >
        {text}
        <span aria-hidden="true">{isHere ? (sorting.isDown ? " ↓" : " ↑") : ""}</span>
      </button>
    </th>
  )
}

/** Sorted by one value, which is a text or a number; equal ones stay in order. */
export const sortedBy = <Item,>(
  items: ReadonlyArray<Item>,
  valueOf: (item: Item) => string | number,
  isDown: boolean,
): ReadonlyArray<Item> =>
  items.toSorted((a, b) => {
    const [left, right] = [valueOf(a), valueOf(b)]
    const order =
      typeof left === "string" && typeof right === "string"
        ? left.localeCompare(right)
        : Number(left) - Number(right)
    return isDown ? -order : order
  })
