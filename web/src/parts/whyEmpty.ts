// Why there is nothing to see: what the agents and processes say about what can be captured, as a list of reasons.

import type { ProcessView, Status } from "../api/contract.ts"

export interface Reason {
  readonly tone: "ok" | "degraded" | "down"
  readonly text: string
  readonly next: string
}

/** What is known of agents and processes; undefined while it is being asked. */
export const whyEmpty = (
  status: Status | undefined,
  processes: ReadonlyArray<ProcessView> | undefined,
): ReadonlyArray<Reason> => {
  if (status === undefined) return []
  if (status.agents.length === 0) {
    return [
      {
        tone: "down",
        text: "No agent has connected, so nothing is captured.",
        next: "Start one with `sonde agent`, or everything with `sonde up`; its log says why it may not connect.",
      },
    ]
  }
  const reasons: Array<Reason> = []
  for (const agent of status.agents) {
    if (agent.tier === 1) {
      reasons.push({
        tone: "ok",
        text: `The agent on ${agent.host} follows the system calls of its processes.`,
        next: "",
      })
    } else {
      reasons.push({
        tone: agent.tier === 2 ? "degraded" : "down",
        text:
          agent.tier === 2
            ? `The agent on ${agent.host} reads packets only: requests appear without process names.`
            : `The agent on ${agent.host} may neither follow system calls nor read packets: no request can be seen.`,
        next: "",
      })
      for (const feature of agent.features) {
        if (feature.on || feature.missing === "") continue
        reasons.push({ tone: "degraded", text: `${feature.name}: ${feature.missing}`, next: feature.next })
      }
    }
  }
  const all = processes ?? []
  const speaking = all.filter((process) => process.capture.requests > 0).length
  const listening = all.filter((process) => process.listening.length > 0).length
  if (all.length > 0 && speaking === 0) {
    reasons.push({
      tone: "degraded",
      text: `Of ${all.length} processes ${listening} listen on a port, but none has made or answered an HTTP or Redis request yet.`,
      next: "Requests appear here about a second after they were made.",
    })
  } else if (speaking > 0) {
    reasons.push({
      tone: "ok",
      text: `${speaking} of ${all.length} processes have made or answered requests, but none in this time range or with these filters.`,
      next: "Choose a longer range at the top, or take filters away.",
    })
  }
  return reasons
}
