// The way of an agent from its token to its server, over real connections: pin the authority, enrol, attach as who it is, renew.

import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as References from "effect/References"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { ConnectionOptions } from "node:tls"
import { coordinationInProcess } from "../../runtime/coordination/memory.ts"
import { connectRpc } from "../../runtime/rpc/connectRpc.ts"
import { makeCsr } from "../../runtime/tls/csr.ts"
import { clientTls, fetchAuthority, serverTls } from "../../runtime/tls/tlsOptions.ts"
import { AgentRpc, type Directive } from "../../wire/control/AgentRpc.ts"
import { parseToken } from "../../wire/enrolToken.ts"
import { agentHello, idleReport } from "../controller.testing.ts"
import { KnownAgents } from "../agents/KnownAgents.ts"
import type { AgentHandlersOptions } from "../agents/agentHandlers.ts"
import { serveAgents } from "../ControlPorts.ts"
import { Enrolment } from "./Enrolment.ts"
import { RegionAuthority } from "./RegionAuthority.ts"
import { Revocations } from "./Revocations.ts"
import { Tokens } from "./Tokens.ts"

const prefix = "/sonde/test/"

const live = (name: string, test: Effect.Effect<void, unknown, Scope.Scope>) =>
  it.live(
    name,
    () => test.pipe(Effect.scoped, Effect.provideService(References.MinimumLogLevel, "None")),
    20_000,
  )

const assigned: Directive = {
  _tag: "Assigned",
  server: { id: "s1", control: "s1:1", ingest: "s1:2" },
  servers: [],
  group: "",
}

const world = Effect.gen(function* () {
  const context = yield* Layer.build(
    Enrolment.layer(prefix).pipe(
      Layer.provideMerge(
        Layer.mergeAll(
          Tokens.layer(prefix),
          Revocations.layer(prefix, 7),
          RegionAuthority.layer({ prefix, region: "test", secret: "a secret" }),
          KnownAgents.layer({ prefix, newcomers: "allowed" }),
        ),
      ),
      Layer.provide(coordinationInProcess()),
    ),
  )
  const authority = Context.get(context, RegionAuthority)
  const reported: Array<string> = []
  const sessions = {
    attach: () => Stream.make(assigned),
    report: (agent: string) => Effect.sync(() => void reported.push(agent)),
  } as unknown as AgentHandlersOptions["sessions"]
  const handlers = yield* Deferred.make<AgentHandlersOptions>()
  yield* Deferred.succeed(handlers, {
    sessions,
    enrol: Context.get(context, Enrolment).enrol,
    readPackage: () => Stream.empty,
    answered: () => Effect.void,
  })
  const revocations = Context.get(context, Revocations)
  const tls = serverTls(yield* authority.serverCredentials("s1"), revocations.gate)
  const port = yield* serveAgents({ host: "127.0.0.1", port: 0, maxConnections: 10, tls }, handlers)
  const address = { host: "127.0.0.1", port }
  const open = (options: ConnectionOptions) =>
    connectRpc(AgentRpc, { address, tls: options, timeoutMs: 5_000 })
  const connect = (options: ConnectionOptions) => Effect.map(open(options), ({ client }) => client)
  const makeToken = Effect.map(
    Context.get(context, Tokens).make(
      { role: "agent", note: "", hours: 1, usesMost: 0 },
      authority.fingerprint,
    ),
    ({ token }) => token,
  )
  const revoke = (agent: string, reason: string) =>
    Effect.andThen(Context.get(context, Enrolment).forget(agent), revocations.revoke(agent, "tester", reason))
  return { address, connect, makeToken, open, reported, revocations, revoke, token: yield* makeToken }
})

const hello = (agent: string) => agentHello({ agent, machineId: "m-1" })

describe("enrolment over TLS", () => {
  live(
    "goes from a token to a session",
    Effect.gen(function* () {
      const { address, connect, reported, token } = yield* world
      const authority = yield* fetchAuthority(address, parseToken(token)!.fingerprint, 5_000)
      const { csr, key } = makeCsr("a-1")
      const nameless = yield* connect(clientTls({ authority }))
      const request = { token, csr, agent: "a-1", host: "box", machineId: "m-1" }
      const issued = yield* nameless.Enrol(request)
      assert.deepInclude(issued, { state: "issued", agent: "a-1", authority })

      const own = yield* connect(clientTls({ authority, key, certificate: issued.certificate }))
      const [first] = yield* Stream.runCollect(own.Attach(hello("a-1")))
      assert.deepStrictEqual(first, assigned)
      yield* own.Report(idleReport)
      assert.deepStrictEqual(reported, ["a-1"])
      const renewal = makeCsr("a-1")
      const renewed = yield* own.Enrol({ ...request, token: "", csr: renewal.csr })
      assert.strictEqual(renewed.state, "issued")
      const again = yield* connect(
        clientTls({ authority, key: renewal.key, certificate: renewed.certificate }),
      )
      assert.deepStrictEqual([...(yield* Stream.runCollect(again.Attach(hello("a-1"))))], [assigned])
    }),
  )

  live(
    "cuts a revoked agent off, says why, and takes it again with a new token only",
    Effect.gen(function* () {
      const { address, connect, makeToken, open, revocations, revoke, token } = yield* world
      const authority = yield* fetchAuthority(address, parseToken(token)!.fingerprint, 5_000)
      const nameless = yield* connect(clientTls({ authority }))
      const enrolled = (agent: string, by: string) =>
        Effect.gen(function* () {
          const { csr, key } = makeCsr(agent)
          const request = { token: by, csr, agent, host: agent, machineId: agent }
          const { certificate } = yield* nameless.Enrol(request)
          return clientTls({ authority, key, certificate })
        })
      const first = yield* enrolled("a-1", token)
      const other = yield* open(yield* enrolled("a-2", token))
      const { client, closed } = yield* open(first)
      yield* Stream.runDrain(client.Attach(hello("a-1")))
      yield* revoke("a-1", "its laptop was stolen")
      yield* closed
      assert.strictEqual(revocations.gate.cut, 1)
      assert.deepInclude(revocations.list()[0], { agent: "a-1", by: "tester" })

      const again = yield* connect(first)
      const refused = yield* Effect.flip(Stream.runDrain(again.Attach(hello("a-1"))))
      assert.deepInclude(refused, {
        reason: "revoked",
        message:
          "the certificate of agent a-1 is revoked (its laptop was stolen): enrol again with a new token",
      })
      const request = { token: "", csr: makeCsr("a-1").csr, agent: "a-1", host: "a-1", machineId: "a-1" }
      assert.deepInclude(yield* Effect.flip(again.Enrol(request)), { reason: "token" })
      const old = yield* Effect.flip(again.Enrol({ ...request, token }))
      assert.deepInclude(old, { reason: "revoked" })
      assert.include(old.message, "it needs a token that was made after that")

      // Tokens and revocations tell milliseconds.
      yield* Effect.sleep(5)
      const renewed = yield* connect(yield* enrolled("a-1", yield* makeToken))
      assert.deepStrictEqual([...(yield* Stream.runCollect(renewed.Attach(hello("a-1"))))], [assigned])
      const before = yield* Effect.flip(Stream.runDrain(again.Attach(hello("a-1"))))
      assert.deepInclude(before, { reason: "revoked" })
      yield* Stream.runDrain(other.client.Attach(hello("a-2")))
    }),
  )

  live(
    "lets nobody speak for an agent whose certificate it has not",
    Effect.gen(function* () {
      const { address, connect, reported, token } = yield* world
      const authority = yield* fetchAuthority(address, parseToken(token)!.fingerprint, 5_000)
      const { csr, key } = makeCsr("a-1")
      const nameless = yield* connect(clientTls({ authority }))
      const attach = (client: typeof nameless, agent: string) =>
        Effect.flip(Stream.runDrain(client.Attach(hello(agent))))
      assert.deepInclude(yield* attach(nameless, "a-1"), { reason: "identity" })
      assert.deepInclude(yield* Effect.flip(nameless.Report(idleReport)), { reason: "not attached" })
      const request = { token, csr, agent: "a-1", host: "box", machineId: "m-1" }
      const { certificate } = yield* nameless.Enrol(request)
      const own = yield* connect(clientTls({ authority, key, certificate }))
      const other = yield* attach(own, "a-2")
      assert.include(other.message, "expected the certificate of agent a-2, it is that of agent a-1")
      assert.deepInclude(yield* Effect.flip(own.Report(idleReport)), { reason: "not attached" })
      assert.lengthOf(reported, 0)
    }),
  )
})
