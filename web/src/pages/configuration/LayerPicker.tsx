// Which layer is edited: default, region, a group, an agent; the later ones win.

import { useState } from "react"
import type { LayerRef } from "../../api/adminContract.ts"
import { useAgents, useGroups } from "../../api/adminQueries.ts"
import { patched, setParams } from "../../app/location.ts"
import { Link } from "../../parts/Link.tsx"
import { layerText } from "./draft.ts"

/** Agents offered while one types. */
const offered = 100

const AgentField = () => {
  const agents = useAgents()
  const [text, setText] = useState("")
  const all = agents.data ?? []
  const sought = text.trim().toLowerCase()
  const found = all.find(({ id, host }) => id === text.trim() || host.toLowerCase() === sought)
  const likely = all
    .filter(({ id, host }) => `${host}\n${id}`.toLowerCase().includes(sought))
    .slice(0, offered)
  return (
    <form
      className="agent-field"
      onSubmit={(event) => {
        event.preventDefault()
        if (found === undefined) return
        setParams({ layer: `agent/${found.id}` })
        setText("")
      }}
    >
      <label>
        <span className="soft">An agent, by host or id</span>
        <input
          type="text"
          className="input"
          list="layer-agents"
          autoComplete="off"
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
      </label>
      <datalist id="layer-agents">
        {likely.map(({ id, host }) => (
          <option key={id} value={id}>
            {host}
          </option>
        ))}
      </datalist>
      <button type="submit" className="button" disabled={found === undefined}>
        Open
      </button>
    </form>
  )
}

export const LayerPicker = ({
  layer,
  params,
}: {
  readonly layer: LayerRef
  readonly params: URLSearchParams
}) => {
  const groups = useGroups()
  const agents = useAgents()
  const here = layerText(layer)
  const entry = (text: string, name: string, note: string) => (
    <li key={text}>
      <Link
        to={patched("/configuration", params, { layer: text })}
        {...(text === here ? { "aria-current": "true" as const } : {})}
      >
        <span className="cut">{name}</span> <span className="faint">{note}</span>
      </Link>
    </li>
  )
  const host = agents.data?.find(({ id }) => id === layer.name)?.host
  return (
    <nav className="layer-picker" aria-label="Layers">
      <ol>
        {entry("default", "default", "all agents")}
        {entry("region", "region", "this region")}
        {(groups.data ?? []).map(({ name, members }) =>
          entry(`group/${name}`, name, members === 1 ? "group, 1 agent" : `group, ${members} agents`),
        )}
        {layer.layer === "group" && groups.data?.some(({ name }) => name === layer.name) !== true
          ? entry(here, layer.name, "group")
          : null}
        {layer.layer === "agent" ? entry(here, host ?? layer.name, "agent") : null}
      </ol>
      <AgentField />
      <p className="faint">The later layer wins: default, region, group, agent.</p>
    </nav>
  )
}
