// What can be done with one agent.

import { useState } from "react"
import type { ManagedAgent } from "../../api/adminContract.ts"
import { useAdminChange, useServers } from "../../api/adminQueries.ts"
import { ChangeButton } from "../../parts/ChangeButton.tsx"
import { ErrorNote } from "../../parts/ErrorNote.tsx"
import { Select } from "../../parts/Select.tsx"

/** Bytes come as base64. */
const save = (name: string, base64: string): void => {
  const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0))
  const url = URL.createObjectURL(new Blob([bytes], { type: "application/gzip" }))
  const link = document.createElement("a")
  link.href = url
  link.download = name
  link.click()
  URL.revokeObjectURL(url)
}

const MoveAction = ({ agent }: { readonly agent: ManagedAgent }) => {
  const servers = useServers()
  const [to, setTo] = useState("")
  const others = (servers.data ?? []).filter(({ id }) => id !== agent.place)
  if (others.length === 0) return null
  return (
    <>
      <Select
        name="Move to"
        value={to}
        choices={[["", "choose a server"], ...others.map(({ id }) => [id, id] as const)]}
        onChange={setTo}
      />
      {to === "" ? null : (
        <ChangeButton
          name="Move"
          change={{ call: "AgentMove", payload: { id: agent.id, server: to } }}
          onDone={() => setTo("")}
        />
      )}
    </>
  )
}

const SupportAction = ({ agent }: { readonly agent: ManagedAgent }) => {
  const { mutate, isPending, error } = useAdminChange<string>()
  return (
    <>
      <button
        type="button"
        className="button"
        disabled={isPending}
        title="What the agent sees, can, counts and logs; no payloads, but names of hosts and programs"
        onClick={() =>
          mutate(
            { call: "AgentSupport", payload: { id: agent.id } },
            { onSuccess: (bytes) => save(`sonde-agent-${agent.host}.json.gz`, bytes) },
          )
        }
      >
        {isPending ? "Asking the agent…" : "Support bundle"}
      </button>
      {error === null ? null : <ErrorNote error={error} title="There is no bundle" />}
    </>
  )
}

export const AgentActions = ({
  agent,
  onForgotten,
}: {
  readonly agent: ManagedAgent
  readonly onForgotten: () => void
}) => {
  const set = (state: "enabled" | "disabled" | "approved") => ({
    call: "AgentSet",
    payload: { id: agent.id, state },
  })
  return (
    <div className="agent-actions">
      {agent.state === "pending" ? <ChangeButton name="Approve" change={set("approved")} isPrimary /> : null}
      {agent.state === "disabled" ? (
        <ChangeButton name="Enable" change={set("enabled")} isPrimary />
      ) : (
        <ChangeButton
          name="Disable"
          about={agent.host}
          change={set("disabled")}
          confirm="It stops its work until it is enabled again; meanwhile nothing of its host is captured."
        />
      )}
      <MoveAction agent={agent} />
      <SupportAction agent={agent} />
      <ChangeButton
        name="Forget"
        about={agent.host}
        change={{ call: "AgentDelete", payload: { id: agent.id } }}
        confirm="What the servers know of it is removed; what it captured stays. Should it still run, it comes again as a new one."
        onDone={onForgotten}
      />
    </div>
  )
}
