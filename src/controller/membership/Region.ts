// Where this server belongs: the store that the region's servers share, membership in it, and the small number that tells this
// server's rows from those of others. The lowest layer of a server: everything else may depend on it.

import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { join, resolve } from "node:path"
import type { SondeConfig } from "../../runtime/configSchema.ts"
import { Coordination, CoordinationError } from "../../runtime/coordination/Coordination.ts"
import { coordinationEtcd } from "../../runtime/coordination/etcd.ts"
import { coordinationInProcess } from "../../runtime/coordination/memory.ts"
import { serverId, type ServerIdError } from "../serverId.ts"
import { etcdOptionsOf } from "./etcdOptionsOf.ts"
import { Membership } from "./Membership.ts"

export interface RegionOptions {
  readonly version: string
  readonly roles: ReadonlyArray<string>
}

export type RegionError = CoordinationError | ServerIdError

/** 14 bits of a row's id. */
const numbersMost = 16_383

export class Region extends Context.Service<
  Region,
  {
    readonly name: string
    /** Of all keys in the store: `/sonde/REGION/`. */
    readonly prefix: string
    /** 1 to 16,383; this server's for ever. */
    readonly number: number
    /** There are no other servers, and nothing is shared. */
    readonly isAlone: boolean
  }
>()("sonde/controller/Region") {
  static readonly layer = (
    config: SondeConfig,
    options: RegionOptions,
  ): Layer.Layer<Region | Membership | Coordination, RegionError> =>
    Layer.unwrap(
      Effect.gen(function* () {
        const { cluster } = config
        const id = yield* serverId(resolve(config.data), cluster.id)
        const prefix = `/sonde/${cluster.region}/`
        const isAlone = cluster.etcd.length === 0
        const self = {
          id,
          control: "",
          ingest: "",
          http: "",
          admin: "",
          roles: options.roles,
          region: cluster.region,
          zone: cluster.zone,
          servesZones: cluster.servesZones,
          capacity: cluster.capacity,
          version: options.version,
          startedMs: yield* Clock.currentTimeMillis,
          isDraining: false,
        }
        const region = Layer.effect(
          Region,
          Effect.map(numberOf(prefix, id), (number) => ({ name: cluster.region, prefix, number, isAlone })),
        )
        const isCandidate = options.roles.includes("controller")
        const membership = Membership.layer({
          prefix,
          self,
          leaseMs: cluster.leaseSeconds * 1_000,
          isCandidate,
        })
        return Layer.mergeAll(region, membership).pipe(Layer.provideMerge(store(config)))
      }),
    )
}

const store = ({ cluster, data }: SondeConfig): Layer.Layer<Coordination, CoordinationError> =>
  cluster.etcd.length === 0
    ? coordinationInProcess({ file: join(resolve(data), "coordination.jsonl") })
    : Layer.unwrap(
        Effect.map(
          etcdOptionsOf(
            {
              endpoints: cluster.etcd,
              user: cluster.etcdUser,
              password: cluster.etcdPassword,
              ca: cluster.etcdCa,
            },
            "cluster.etcdCa",
          ),
          coordinationEtcd,
        ),
      )

/** The server's number, taken at its first start: the lowest that nobody has. */
const numberOf = (prefix: string, id: string): Effect.Effect<number, CoordinationError, Coordination> =>
  Effect.gen(function* () {
    const coordination = yield* Coordination
    while (true) {
      const { entries } = yield* coordination.list(`${prefix}number/`)
      const own = entries.find(({ value }) => value === id)
      if (own !== undefined) return Number(own.key.slice(`${prefix}number/`.length))
      const taken = new Set(entries.map(({ key }) => Number(key.slice(`${prefix}number/`.length))))
      let number = 1
      while (taken.has(number)) number++
      if (number > numbersMost) {
        return yield* new CoordinationError({
          reason: "refused",
          message: `all ${numbersMost} numbers of servers are taken: remove keys of servers that are gone for good under ${prefix}number/`,
        })
      }
      const key = `${prefix}number/${number}`
      const { isDone } = yield* coordination.commit({
        when: [{ key, is: "absent" }],
        writes: [{ put: key, value: id }],
      })
      if (isDone) return number
    }
  })
