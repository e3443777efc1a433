// Who changed what, newest first.

import type { AuditedChange } from "../../api/adminContract.ts"
import { useAudit } from "../../api/adminQueries.ts"
import { setParams } from "../../app/location.ts"
import { Answer } from "../../parts/Answer.tsx"
import { EmptyState } from "../../parts/EmptyState.tsx"
import { formatMoment } from "../../parts/format.ts"
import { SearchField } from "../../parts/SearchField.tsx"
import { WideTable } from "../../parts/WideTable.tsx"

/** Changes asked for; as many are drawn. */
const last = 500

const matches = ({ who, what, on, detail, outcome }: AuditedChange, search: string): boolean =>
  [who, what, on, detail, outcome].join("\n").toLowerCase().includes(search.trim().toLowerCase())

const AuditTable = ({ changes }: { readonly changes: ReadonlyArray<AuditedChange> }) => (
  <WideTable
    name="Changes"
    className="admin-table audit"
    columns={["When", "Who", "What", "On", "Detail", "Outcome"]}
  >
    {changes.map((change, at) => (
      <tr key={`${changes.length - at} ${change.atMs}`}>
        <td className="soft">{formatMoment(change.atMs * 1_000).slice(0, -4)}</td>
        <td>{change.who}</td>
        <td>
          <b>{change.what}</b>
        </td>
        <td className="mono audit-on">{change.on}</td>
        <td className="mono soft audit-detail" title={change.detail}>
          {change.detail}
        </td>
        <td className={change.outcome === "done" ? "soft" : "tone-bad"}>{change.outcome}</td>
      </tr>
    ))}
  </WideTable>
)

export const AuditPart = ({ params }: { readonly params: URLSearchParams }) => {
  const audit = useAudit(last)
  const search = params.get("q") ?? ""
  return (
    <section className="card admin-card">
      <div className="section-head">
        <h2>Audit log</h2>
        <SearchField
          name="Who, what, on"
          value={search}
          onChange={(q) => setParams({ q }, { replace: true })}
        />
      </div>
      <Answer query={audit} what="the audit log">
        {(all) => {
          const found = all.filter((change) => matches(change, search))
          return all.length === 0 ? (
            <EmptyState
              isSmall
              title="Nothing was changed yet"
              text="Every change is noted here, also a refused one."
            />
          ) : found.length === 0 ? (
            <EmptyState
              isSmall
              title="No such change"
              text={`None of the last ${all.length} passes the search.`}
            />
          ) : (
            <AuditTable changes={found} />
          )
        }}
      </Answer>
    </section>
  )
}
