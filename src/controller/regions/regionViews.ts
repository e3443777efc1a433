// The regions as administration shows them: this one, those of the configuration, those of the directory.

import * as Effect from "effect/Effect"
import { type OtherRegion, regionProblem } from "../../runtime/otherRegions.ts"
import type { RegionView } from "../../wire/control/AdminRpc.ts"
import type { RegionDirectoryService, SharingRegion } from "./RegionDirectory.ts"
import type { RegionRecord } from "./RegionRecord.ts"

/** What of a region is its own word. */
const toldOf = ({ agents, allowsSpill, guests, servers }: RegionRecord) => ({
  servers,
  agents,
  guests,
  allowsSpill,
})

const here = (record: RegionRecord, directory: RegionDirectoryService | undefined): RegionView => {
  const state = directory?.state()
  const view = { name: record.name, isHere: true, http: record.http, state: "reachable" as const }
  if (state === undefined) return { ...view, servers: record.servers, agents: record.agents, message: "" }
  return {
    ...view,
    ...toldOf(record),
    heardMs: state.contactMs,
    message:
      state.problem === ""
        ? state.contactMs === 0
          ? "has not reached the global store yet"
          : ""
        : `cut off from other regions: ${state.problem}`,
  }
}

const other = (
  name: string,
  asked: OtherRegion | undefined,
  told: SharingRegion | undefined,
  isSilent: boolean,
): Effect.Effect<RegionView> =>
  Effect.map(asked === undefined ? Effect.succeed("") : regionProblem(asked), (problem) => ({
    name,
    isHere: false,
    http: asked === undefined ? [] : [asked.url],
    state: problem !== "" ? "unreachable" : isSilent ? "silent" : "reachable",
    ...(told === undefined ? { servers: 0, agents: 0 } : { ...toldOf(told), heardMs: told.heardMs }),
    message:
      problem !== ""
        ? problem
        : asked === undefined && told !== undefined
          ? "names no address for queries that others reach"
          : "",
  }))

export const regionViews = (
  own: RegionRecord,
  asked: ReadonlyArray<OtherRegion>,
  directory: RegionDirectoryService | undefined,
): Effect.Effect<ReadonlyArray<RegionView>> => {
  const names = new Set([
    ...asked.map(({ name }) => name),
    ...(directory?.others() ?? []).map(({ name }) => name),
  ])
  return Effect.map(
    Effect.forEach(
      [...names].toSorted(),
      (name) => {
        const told = directory?.get(name)
        return other(
          name,
          asked.find((one) => one.name === name),
          told,
          told !== undefined && (directory?.isAway(told) ?? false),
        )
      },
      { concurrency: 16 },
    ),
    (others) => [here(own, directory), ...others],
  )
}
