// The store of a cluster: etcd 3.4 or later.

import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { exposeStats } from "../metrics.ts"
import {
  type Committed,
  type Condition,
  Coordination,
  type CoordinationError,
  type Entry,
  type Write,
} from "./Coordination.ts"
import { EtcdClient, type EtcdOptions } from "./EtcdClient.ts"
import { entryOf, type KeyValue, rangeOf } from "./etcdEntries.ts"
import { grantLease } from "./etcdLease.ts"
import { watchPrefix } from "./etcdWatch.ts"
import { transactionProblem } from "./transaction.ts"

interface Header {
  readonly header: { readonly revision: string }
}
interface Range extends Header {
  readonly kvs: ReadonlyArray<KeyValue>
  readonly more: boolean
}
interface Transacted extends Header {
  readonly succeeded: boolean
}

/** Entries of one answer: at the largest values it fits in what the client takes. */
const pageEntries = 256
/** Lists whose revision was compacted while they were read. */
const listsMost = 3

/** etcd's numbers for what is compared. */
const created = 1
const modified = 2

const compareOf = (condition: Condition): object => {
  const key = Buffer.from(condition.key)
  switch (condition.is) {
    case "absent":
      return { key, target: created, create_revision: 0 }
    case "modified":
      return { key, target: modified, mod_revision: condition.at }
    case "created":
      return { key, target: created, create_revision: condition.at }
  }
}

const operationOf = (write: Write): object => {
  if ("remove" in write) return { request_delete_range: { key: Buffer.from(write.remove) } }
  if ("removePrefix" in write) return { request_delete_range: rangeOf(write.removePrefix) }
  const { lease, put, value } = write
  return {
    request_put: { key: Buffer.from(put), value: Buffer.from(value), lease: lease?.id ?? 0 },
  }
}

const serviceOf = (client: EtcdClient): Coordination["Service"] => {
  const get = (key: string): Effect.Effect<Entry | undefined, CoordinationError> =>
    Effect.map(client.call<Range>("KV", "range", { key: Buffer.from(key) }, true), ({ response: { kvs } }) =>
      kvs.length === 0 ? undefined : entryOf(kvs[0]),
    )

  const pages = (prefix: string) =>
    Effect.gen(function* () {
      const { key, range_end } = rangeOf(prefix)
      const entries: Array<Entry> = []
      let revision = 0
      let from = key
      while (true) {
        const { response } = yield* client.call<Range>(
          "KV",
          "range",
          { key: from, range_end, limit: pageEntries, revision },
          true,
        )
        // All pages are of the first one's revision.
        if (revision === 0) revision = Number(response.header.revision)
        for (const kv of response.kvs) entries.push(entryOf(kv))
        const last = response.kvs.at(-1)
        if (!response.more || last === undefined) return { entries, revision }
        from = Buffer.concat([last.key, Buffer.from([0])])
      }
    })

  return {
    get,
    list: (prefix) =>
      Effect.retry(pages(prefix), {
        times: listsMost - 1,
        while: ({ message, reason }) => reason === "refused" && message.includes("compacted"),
      }),
    commit: ({ when = [], writes }) =>
      Effect.gen(function* () {
        const problem = transactionProblem(when, writes)
        if (problem !== undefined) return yield* problem
        const { response } = yield* client.call<Transacted>(
          "KV",
          "txn",
          { compare: when.map(compareOf), success: writes.map(operationOf) },
          false,
        )
        return { isDone: response.succeeded, revision: Number(response.header.revision) } satisfies Committed
      }),
    lease: (ttlMs) => grantLease(client, ttlMs),
    watch: (prefix, after) => watchPrefix(client, prefix, after),
    where: client.where,
  }
}

/** In etcd; the first call connects. `component`: under what name its calls are counted. */
export const makeCoordinationEtcd = (
  options: EtcdOptions,
  component: string,
): Effect.Effect<Coordination["Service"], CoordinationError, Scope.Scope> =>
  Effect.gen(function* () {
    const client = yield* EtcdClient.make(options)
    yield* exposeStats(component, () =>
      Object.fromEntries(Object.entries(client.counters).map(([name, value]) => [`${name}_total`, value])),
    )
    return serviceOf(client)
  })

/** The store of the region. */
export const coordinationEtcd = (options: EtcdOptions): Layer.Layer<Coordination, CoordinationError> =>
  Layer.effect(Coordination, makeCoordinationEtcd(options, "coordination"))
