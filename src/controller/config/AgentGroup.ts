// Groups of agents: who is in which. An agent is in exactly one group, which depends on nothing but the groups and the agent: named
// explicitly, else by rules, groups of higher priority first (equal ones by name), else `default`.

import * as Schema from "effect/Schema"

const texts = Schema.Array(Schema.String.check(Schema.isMaxLength(256))).check(Schema.isMaxLength(10_000))

export const AgentGroup = Schema.Struct({
  name: Schema.String,
  description: Schema.String,
  /** The higher decides first. */
  priority: Schema.Number,
  /** Ids of agents that are in it whatever the rules say. */
  agents: texts,
  /** Rules; of each kind that is not empty something must hold. Host names with `*` and `?`, any of them. */
  hosts: texts,
  /** Any of them. */
  zones: texts,
  /** Features that must be on, all of them. */
  capabilities: texts,
  /** `key=value` or `key=pattern` over os, arch, kernel, version, region; all of them. */
  tags: texts,
  /** All regions have it. */
  isGlobal: Schema.optionalKey(Schema.Boolean),
})
export type AgentGroup = typeof AgentGroup.Type

/** What groups ask of an agent; what the region remembers of an agent has all of it. */
export interface AgentTraits {
  readonly id: string
  readonly host: string
  readonly zone: string
  readonly region: string
  readonly version: string
  readonly os: string
  readonly arch: string
  readonly kernel: string
  readonly capabilities: ReadonlyArray<string>
}

export const defaultGroup = "default"

export const tagNames = ["os", "arch", "kernel", "version", "region"] as const
type TagName = (typeof tagNames)[number]

/** Of a group, and of an agent: what a key of the store can carry. */
export const isName = (text: string): boolean => /^[0-9a-zA-Z._-]{1,64}$/.test(text) && !/^\.+$/.test(text)

/** `*`: any text, `?`: one character; case does not count. Takes at most pattern times text steps. */
export const matches = (pattern: string, text: string): boolean => {
  const glob = pattern.toLowerCase()
  const name = text.toLowerCase()
  let at = 0
  let star = -1
  let resume = 0
  for (let i = 0; i < name.length;) {
    if (glob[at] === "*") {
      star = at++
      resume = i
    } else if (at < glob.length && (glob[at] === "?" || glob[at] === name[i])) {
      at++
      i++
    } else if (star >= 0) {
      at = star + 1
      i = ++resume
    } else return false
  }
  while (glob[at] === "*") at++
  return at === glob.length
}

const holds = (tag: string, agent: AgentTraits): boolean => {
  const at = tag.indexOf("=")
  return at > 0 && matches(tag.slice(at + 1), agent[tag.slice(0, at) as TagName] ?? "")
}

const isRuledIn = (group: AgentGroup, agent: AgentTraits): boolean => {
  const { capabilities, hosts, tags, zones } = group
  if (hosts.length + zones.length + capabilities.length + tags.length === 0) return false
  if (hosts.length > 0 && !hosts.some((pattern) => matches(pattern, agent.host))) return false
  if (zones.length > 0 && !zones.includes(agent.zone)) return false
  return (
    capabilities.every((capability) => agent.capabilities.includes(capability)) &&
    tags.every((tag) => holds(tag, agent))
  )
}

/** Groups in the order in which they decide. */
export const inOrder = (groups: ReadonlyArray<AgentGroup>): ReadonlyArray<AgentGroup> =>
  groups.toSorted((one, other) => other.priority - one.priority || (one.name < other.name ? -1 : 1))

/** Name of the agent's group; `groups` as `inOrder` gives them. */
export const groupOf = (groups: ReadonlyArray<AgentGroup>, agent: AgentTraits): string =>
  (groups.find(({ agents }) => agents.includes(agent.id)) ?? groups.find((group) => isRuledIn(group, agent)))
    ?.name ?? defaultGroup

/** One line for each fault. */
export const groupProblems = (group: AgentGroup): ReadonlyArray<string> => {
  const problems: Array<string> = []
  if (!isName(group.name))
    problems.push(`name: expected 1 to 64 letters, digits and . _ -, found ${JSON.stringify(group.name)}`)
  if (group.name === defaultGroup)
    problems.push("name: expected another than default, which has all agents that are in no other group")
  if (!Number.isSafeInteger(group.priority))
    problems.push(`priority: expected an integer, found ${JSON.stringify(group.priority)}`)
  for (const id of group.agents) {
    if (!isName(id)) problems.push(`agents: expected ids of agents, found ${JSON.stringify(id)}`)
  }
  for (const tag of group.tags) {
    const key = tag.slice(0, Math.max(0, tag.indexOf("=")))
    if (!tagNames.some((name) => name === key))
      problems.push(
        `tags: expected KEY=VALUE with one of ${tagNames.join(", ")}, found ${JSON.stringify(tag)}`,
      )
  }
  return problems
}
