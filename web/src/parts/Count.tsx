// A choice with how many there are.

import { formatExact } from "./format.ts"

export const Count = ({ text, count }: { readonly text: string; readonly count: number }) => (
  <>
    {text} <span className="count">{formatExact(count)}</span>
  </>
)
