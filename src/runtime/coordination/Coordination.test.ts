import { afterAll, beforeAll } from "@effect/vitest"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Context from "effect/Context"
import * as Scope from "effect/Scope"
import { Coordination } from "./Coordination.ts"
import { CoordinationFile } from "./CoordinationFile.ts"
import { type Conforming, conforms } from "./conformance.testing.ts"
import { coordinationEtcd } from "./etcd.ts"
import { hasEtcd, startEtcd, temporaryDirectory } from "./etcd.testing.ts"
import { EtcdClient } from "./EtcdClient.ts"
import { MemoryStore, serviceOf } from "./memory.ts"

const scope = Scope.makeUnsafe()
let memory: Conforming
let file: Conforming
let etcd: Conforming

const ofStore = (store: MemoryStore): Conforming => ({
  coordination: serviceOf(store),
  expire: (lease) => Effect.sync(() => store.expire(lease.id)),
  compact: (revision) => Effect.sync(() => store.compact(revision)),
})

const ofEtcd = Effect.gen(function* () {
  const { endpoints } = yield* startEtcd()
  const client = yield* EtcdClient.make({ endpoints })
  const context = yield* Layer.build(coordinationEtcd({ endpoints }))
  return {
    coordination: Context.get(context, Coordination),
    expire: (lease) => Effect.orDie(client.call("Lease", "leaseRevoke", { ID: lease.id }, true)),
    compact: (revision) => Effect.orDie(client.call("KV", "compact", { revision, physical: true }, true)),
  } satisfies Conforming
})

beforeAll(() =>
  Effect.runPromise(
    Effect.gen(function* () {
      memory = ofStore(new MemoryStore())
      const directory = yield* temporaryDirectory
      file = ofStore(new MemoryStore(yield* CoordinationFile.open(join(directory, "store"))))
      if (hasEtcd) etcd = yield* ofEtcd
    }).pipe(Scope.provide(scope)),
  ),
)
afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))

conforms("memory", () => memory)
conforms("memory with a file", () => file)
conforms("etcd", () => etcd, !hasEtcd)
