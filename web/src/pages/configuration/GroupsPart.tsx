// Groups of agents: who is in each, and by which rule.

import { useState } from "react"
import type { AgentGroup } from "../../api/adminContract.ts"
import { useGroups } from "../../api/adminQueries.ts"
import { pageAddress } from "../../app/location.ts"
import { Answer } from "../../parts/Answer.tsx"
import { ChangeButton } from "../../parts/ChangeButton.tsx"
import { EmptyState } from "../../parts/EmptyState.tsx"
import { formatExact } from "../../parts/format.ts"
import { Link } from "../../parts/Link.tsx"
import { WideTable } from "../../parts/WideTable.tsx"
import { GroupForm } from "./GroupForm.tsx"

const ruleOf = ({ agents, capabilities, hosts, tags, zones }: AgentGroup): string =>
  [
    hosts.length === 0 ? "" : `hosts ${hosts.join(", ")}`,
    zones.length === 0 ? "" : `zones ${zones.join(", ")}`,
    tags.join(", "),
    capabilities.length === 0 ? "" : `able to ${capabilities.join(", ")}`,
    agents.length === 0 ? "" : agents.length === 1 ? "1 agent by id" : `${agents.length} agents by id`,
  ]
    .filter((part) => part !== "")
    .join("; ")

const GroupTable = ({
  groups,
  params,
  onEdit,
}: {
  readonly groups: ReadonlyArray<AgentGroup>
  readonly params: URLSearchParams
  readonly onEdit: (group: AgentGroup) => void
}) => (
  <WideTable
    name="Groups"
    columns={["Group", { number: "Agents" }, "Who is in it", { number: "Priority" }, { hidden: "Change" }]}
  >
    {groups.map((group) => (
      <tr key={group.name}>
        <td>
          <b>{group.name}</b>
          <div className="faint">{group.description}</div>
        </td>
        <td className="number">
          <Link to={pageAddress("/agents", params, { q: group.name })}>{formatExact(group.members)}</Link>
        </td>
        <td className="soft">{ruleOf(group) || "whoever fits no other group"}</td>
        <td className="number soft">{group.priority}</td>
        <td className="row-actions">
          <Link
            className="button"
            to={pageAddress("/configuration", params, { layer: `group/${group.name}` })}
          >
            Settings<span className="hidden-text"> of {group.name}</span>
          </Link>
          {group.name === "default" ? null : (
            <>
              <button
                type="button"
                className="button"
                aria-label={`Change ${group.name}`}
                onClick={() => onEdit(group)}
              >
                Change
              </button>
              <ChangeButton
                name="Remove"
                about={group.name}
                change={{ call: "GroupRemove", payload: { name: group.name } }}
                confirm="Its agents fall to the next group that fits."
              />
            </>
          )}
        </td>
      </tr>
    ))}
  </WideTable>
)

export const GroupsPart = ({ params }: { readonly params: URLSearchParams }) => {
  const groups = useGroups()
  /** "new", or the group that is changed. */
  const [edited, setEdited] = useState<AgentGroup | "new" | undefined>()
  return (
    <section className="card admin-card">
      <div className="section-head">
        <h2>Groups</h2>
        <button type="button" className="button" onClick={() => setEdited("new")}>
          New group
        </button>
      </div>
      <Answer query={groups} what="groups">
        {(all) =>
          all.length === 0 ? (
            <EmptyState
              isSmall
              title="There are no groups"
              text="All agents are in the group default. Groups give some of them other settings and packages."
            />
          ) : (
            <GroupTable groups={all} params={params} onEdit={setEdited} />
          )
        }
      </Answer>
      {edited === undefined ? null : (
        <GroupForm group={edited === "new" ? undefined : edited} onClose={() => setEdited(undefined)} />
      )}
    </section>
  )
}
