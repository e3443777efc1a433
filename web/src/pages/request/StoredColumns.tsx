// Everything that is stored of a request, column by column.

import type { StoredRequest } from "../../api/contract.ts"
import { CopyButton } from "../../parts/CopyButton.tsx"
import { everyColumn } from "./storedRow.ts"

export const StoredColumns = ({ request }: { readonly request: StoredRequest }) => (
  <div className="stored-body">
    <CopyButton name="Copy as JSON" text={JSON.stringify(request, null, 2)} />
    <dl className="facts">
      {everyColumn(request).map(({ name, value }) => (
        <div key={name}>
          <dt className="mono">{name}</dt>
          <dd className="mono">{value === "" ? <span className="faint">empty</span> : value}</dd>
        </div>
      ))}
    </dl>
  </div>
)
