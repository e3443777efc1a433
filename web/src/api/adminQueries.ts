// Questions and changes of administration as hooks. Every change has all that was asked before asked again.

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { changeAdmin, readAdmin } from "./admin.ts"
import type {
  AgentGroup,
  AgentSetting,
  AuditedChange,
  ConfigVersion,
  LayerRef,
  ManagedAgent,
  PackageView,
  Plan,
  RegionView,
  Rollout,
  ServerView,
  TokenView,
  Values,
} from "./adminContract.ts"
import { ApiFailure } from "./client.ts"
import { CpuShares, type MeasuredAgent } from "./cpuShares.ts"
import { useHasToken } from "./token.ts"

/** Milliseconds between two askings. */
const every = { agents: 4_000, manyAgents: 20_000, servers: 4_000, rollouts: 3_000, slow: 15_000 }
/** From here on an answer has megabytes. */
const many = 2_000

/** What a server cannot do or does not allow stays so for a while. */
const mayPass = (failures: number, error: Error): boolean =>
  failures < 2 && !(error instanceof ApiFailure && error.status >= 400)

const useAdmin = <Answer>(name: string, payload: Values, everyMs: number) =>
  useQuery({
    queryKey: ["admin", name, payload],
    queryFn: ({ signal }) => readAdmin<Answer>(name, payload, signal),
    refetchInterval: everyMs,
    retry: mayPass,
  })

const shares = new CpuShares()

export const useAgents = () =>
  useQuery({
    queryKey: ["admin", "Agents", {}],
    queryFn: async ({ signal }): Promise<ReadonlyArray<MeasuredAgent>> =>
      shares.measure(await readAdmin<ReadonlyArray<ManagedAgent>>("Agents", {}, signal)),
    refetchInterval: ({ state }) => ((state.data?.length ?? 0) > many ? every.manyAgents : every.agents),
    retry: mayPass,
  })

export const useAgent = (id: string) => useAdmin<AgentSetting>("Agent", { id }, every.agents)
export const useServers = () => useAdmin<ReadonlyArray<ServerView>>("Servers", {}, every.servers)
export const usePlan = () => useAdmin<Plan>("Plan", {}, every.servers)
export const useRegions = () => useAdmin<ReadonlyArray<RegionView>>("Regions", {}, every.slow)
export const useGroups = () => useAdmin<ReadonlyArray<AgentGroup>>("Groups", {}, every.slow)
/** Asked again until it is there; it does not change while a server runs. */
export const useConfigSchema = () =>
  useQuery({
    queryKey: ["admin", "ConfigSchema", {}],
    queryFn: ({ signal }) => readAdmin<Values>("ConfigSchema", {}, signal),
    refetchInterval: ({ state }) => (state.data === undefined ? every.slow : false),
    retry: mayPass,
  })
export const layerKey = (layer: LayerRef) => ["admin", "ConfigGet", { layer }] as const
export const useLayer = (layer: LayerRef) => useAdmin<ConfigVersion>("ConfigGet", { layer }, every.slow)
export const useHistory = (layer: LayerRef) =>
  useAdmin<ReadonlyArray<ConfigVersion>>("ConfigHistory", { layer }, every.slow)
export const useRollouts = () => useAdmin<ReadonlyArray<Rollout>>("Rollouts", {}, every.rollouts)
export const usePackages = () => useAdmin<ReadonlyArray<PackageView>>("Packages", {}, every.slow)
export const useAudit = (last: number) =>
  useAdmin<ReadonlyArray<AuditedChange>>("Audit", { last }, every.slow)

/** Needs a token even for reading: nothing is asked before there is one. */
export const useTokens = () => {
  const enabled = useHasToken()
  return useQuery({
    queryKey: ["admin", "Tokens", {}],
    queryFn: ({ signal }) => readAdmin<ReadonlyArray<TokenView>>("Tokens", {}, signal),
    enabled,
    retry: mayPass,
  })
}

export interface AdminChange {
  readonly call: string
  readonly payload: unknown
}

/** Also after a refusal: what is shown may be why. */
export const useAdminChange = <Answer = null>() => {
  const client = useQueryClient()
  return useMutation({
    mutationFn: ({ call, payload }: AdminChange) => changeAdmin<Answer>(call, payload),
    onSettled: () => client.invalidateQueries({ queryKey: ["admin"] }),
  })
}
