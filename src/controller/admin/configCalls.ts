// Calls about groups and configuration.

import * as Effect from "effect/Effect"
import { AgentConfigSchema } from "../../runtime/agentConfig.ts"
import type { CoordinationError } from "../../runtime/coordination/Coordination.ts"
import { jsonSchemaOf } from "../../runtime/schemaKeys.ts"
import type { AgentRecord } from "../agents/AgentRecord.ts"
import type { AgentGroup } from "../config/AgentGroup.ts"
import type { AgentGroups } from "../config/AgentGroups.ts"
import type { ConfigStore } from "../config/ConfigStore.ts"
import type { ConfigFailure } from "../config/failures.ts"
import { viewOf } from "../config/LayerVersion.ts"
import type { Rollouts } from "../config/Rollouts.ts"
import { type AdminHandlers, adminError } from "./AdminCalls.ts"

export interface ConfigCallsSources {
  readonly store: ConfigStore["Service"]
  readonly groups: AgentGroups["Service"]
  readonly rollouts: Rollouts["Service"]
  readonly records: () => ReadonlyArray<AgentRecord>
  readonly hasPackage: (name: string, version: string) => boolean
}

export const configRefusal = (error: ConfigFailure | CoordinationError) => {
  switch (error._tag) {
    case "ConfigInvalid":
      return adminError("invalid", error.message)
    case "ConfigConflict":
      return adminError("conflict", error.message, error.next)
    case "ConfigNotFound":
      return adminError("not found", error.message)
    case "CoordinationError":
      return adminError("unavailable", error.message, "try again in a moment")
  }
}

export const configCalls = ({
  groups,
  hasPackage,
  records,
  rollouts,
  store,
}: ConfigCallsSources): Pick<
  AdminHandlers,
  | "Groups"
  | "GroupSet"
  | "GroupRemove"
  | "ConfigSchema"
  | "ConfigGet"
  | "ConfigSet"
  | "ConfigHistory"
  | "ConfigRollback"
  | "Rollouts"
  | "RolloutControl"
> => ({
  Groups: () =>
    Effect.sync(() => {
      const members = new Map<string, number>()
      for (const record of records()) {
        const group = groups.groupOf(record)
        members.set(group, (members.get(group) ?? 0) + 1)
      }
      const rest = {
        name: "default",
        description: "Agents of no other group",
        priority: 0,
        agents: [],
        hosts: [],
        zones: [],
        capabilities: [],
        tags: [],
      }
      return [...groups.list().filter(({ name }) => name !== "default"), rest].map(
        ({
          agents,
          capabilities,
          description,
          hosts,
          isGlobal,
          name,
          priority,
          tags,
          zones,
        }: AgentGroup) => ({
          name,
          description,
          priority,
          agents,
          hosts,
          zones,
          capabilities,
          tags,
          members: members.get(name) ?? 0,
          ...(isGlobal === true ? { isGlobal } : {}),
        }),
      )
    }),
  GroupSet: ({
    group: { agents, capabilities, description, hosts, isGlobal = false, name, priority, tags, zones },
  }) =>
    Effect.mapError(
      groups.set({ name, description, priority, agents, hosts, zones, capabilities, tags, isGlobal }),
      configRefusal,
    ),
  GroupRemove: ({ name }, caller) => Effect.mapError(groups.remove(name, caller.name), configRefusal),
  ConfigSchema: () => Effect.sync(() => jsonSchemaOf(AgentConfigSchema)),
  ConfigGet: ({ layer, version }) =>
    Effect.mapError(Effect.map(store.get(layer, version), viewOf), configRefusal),
  ConfigSet: ({ comment, expected, layer, stages, values }, caller) => {
    const missing =
      layer.layer === "packages"
        ? Object.entries(values).find(
            ([name, version]) => version !== null && !hasPackage(name, String(version)),
          )
        : undefined
    if (missing !== undefined)
      return Effect.fail(
        adminError(
          "not found",
          `there is no package ${missing.join(" ")}`,
          "`sonde admin packages list` shows all",
        ),
      )
    const note = { author: caller.name, comment, ...(expected === undefined ? {} : { expected }) }
    const made =
      stages.length === 0
        ? store.change(layer, values, note)
        : rollouts.start(layer, values, { ...note, stages })
    return Effect.mapError(Effect.map(made, viewOf), configRefusal)
  },
  ConfigHistory: ({ layer }) =>
    Effect.mapError(
      Effect.map(store.history(layer), (versions) => versions.map(viewOf)),
      configRefusal,
    ),
  ConfigRollback: ({ comment, layer, version }, caller) =>
    Effect.mapError(
      Effect.map(store.rollback(layer, version, { author: caller.name, comment }), viewOf),
      configRefusal,
    ),
  Rollouts: () =>
    Effect.sync(() =>
      rollouts.list().map(({ counts, rollout }) => ({
        layer: rollout.ref,
        from: rollout.from,
        to: rollout.to,
        state: rollout.state,
        stage: rollout.stage,
        stages: rollout.stages,
        applied: counts.applied,
        troubled: counts.troubled.length,
        wanted: counts.wanted,
        reason: rollout.reason,
      })),
    ),
  RolloutControl: ({ action, layer }, caller) =>
    Effect.mapError(rollouts.control(layer, action, caller.name), configRefusal),
})
