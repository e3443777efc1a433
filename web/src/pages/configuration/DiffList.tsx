// What differs between two versions of a layer: before in red, after in green, with signs for those who do not see colours.

import type { Difference } from "./draft.ts"

export const DiffList = ({ differences }: { readonly differences: ReadonlyArray<Difference> }) => (
  <ul className="diff mono">
    {differences.map(({ path, before, after }) => (
      <li key={path}>
        {before === undefined ? null : (
          <del>
            − {path}: {JSON.stringify(before)}
          </del>
        )}
        {after === undefined ? null : (
          <ins>
            + {path}: {JSON.stringify(after)}
          </ins>
        )}
      </li>
    ))}
  </ul>
)
