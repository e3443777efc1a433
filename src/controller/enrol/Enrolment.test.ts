// Tokens, the region's authority and enrolment over the store in this process.

import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import { X509Certificate } from "node:crypto"
import { Coordination } from "../../runtime/coordination/Coordination.ts"
import { coordinationInProcess } from "../../runtime/coordination/memory.ts"
import { nobody, type Peer } from "../../runtime/rpc/Peer.ts"
import { checkCertificate, dayMs } from "../../runtime/tls/authority.ts"
import { makeCsr } from "../../runtime/tls/csr.ts"
import { parseToken } from "../../wire/enrolToken.ts"
import { KnownAgents } from "../agents/KnownAgents.ts"
import type { Permission } from "../agents/AgentRecord.ts"
import { Enrolment } from "./Enrolment.ts"
import { RegionAuthority } from "./RegionAuthority.ts"
import { Revocations } from "./Revocations.ts"
import { type NewToken, Tokens } from "./Tokens.ts"

const prefix = "/sonde/test/"
const someone: Peer = { remote: "10.0.0.9:4711", identity: nobody, isTls: true }
const startMs = Date.UTC(2026, 4, 1)

const layers = (newcomers: Permission, secret = "a secret") =>
  Enrolment.layer(prefix).pipe(
    Layer.provideMerge(
      Layer.mergeAll(
        Tokens.layer(prefix),
        Revocations.layer(prefix, 7),
        RegionAuthority.layer({ prefix, region: "test", secret }),
        KnownAgents.layer({ prefix, newcomers }),
      ),
    ),
  )

const world = (newcomers: Permission = "allowed") =>
  Effect.gen(function* () {
    yield* TestClock.setTime(startMs)
    const context = yield* Layer.build(layers(newcomers).pipe(Layer.provideMerge(coordinationInProcess())))
    const authority = Context.get(context, RegionAuthority)
    const coordination = Context.get(context, Coordination)
    const tokens = Context.get(context, Tokens)
    const { enrol, forget, trim } = Context.get(context, Enrolment)
    const make = (wanted: Partial<NewToken> = {}) =>
      tokens.make({ role: "agent", note: "", hours: 24, usesMost: 0, ...wanted }, authority.fingerprint)
    const ask = (token: string, agent: string, csr: string, machineId = "m-1", host = "box") =>
      enrol({ token, csr, agent, host, machineId }, someone)
    const claim = (agent: string) =>
      coordination.commit({
        writes: [
          {
            put: `${prefix}session/${agent}`,
            value: JSON.stringify({ server: "s1", instance: "i", machineId: "m-1", host: "box" }),
          },
        ],
      })
    return {
      ask,
      authority,
      claim,
      coordination,
      enrol,
      forget,
      known: Context.get(context, KnownAgents),
      make,
      tokens,
      trim,
    }
  })

const test = (name: string, effect: Effect.Effect<void, unknown, Scope.Scope>) =>
  it.effect(name, () => Effect.scoped(effect))

const csrOf = (name = "a-1") => makeCsr(name).csr

describe("Tokens", () => {
  test(
    "are known by their secret, which is not kept",
    Effect.gen(function* () {
      const { authority, coordination, make, tokens } = yield* world()
      const { id, token } = yield* make({ role: "operator", note: "ci" })
      const text = parseToken(token)!
      assert.strictEqual(text.fingerprint, authority.fingerprint)
      assert.deepInclude(yield* tokens.admit(token), { id, role: "operator", note: "ci", uses: 0 })
      assert.notInclude((yield* coordination.get(`${prefix}token/${id}`))!.value, text.secret)
      const [listed] = yield* tokens.list
      assert.notProperty(listed, "hash")
      assert.strictEqual(listed!.id, id)
    }),
  )

  test(
    "each have their own answer when they do not hold",
    Effect.gen(function* () {
      const { make, tokens } = yield* world()
      const reason = (text: string) =>
        Effect.map(Effect.flip(tokens.admit(text)), (error) => ("reason" in error ? error.reason : ""))
      assert.strictEqual(yield* reason(""), "malformed")
      assert.strictEqual(yield* reason("hello"), "malformed")
      const { id, token } = yield* make({ usesMost: 2, hours: 1 })
      const { fingerprint, secret } = parseToken(token)!
      const swapped = (secret.startsWith("A") ? "B" : "A") + secret.slice(1)
      assert.strictEqual(yield* reason(`sonde1.${id}.${swapped}.${fingerprint}`), "unknown")
      assert.strictEqual(yield* reason(`sonde1.000000000000.${secret}.${fingerprint}`), "unknown")
      yield* tokens.admit(token)
      yield* tokens.admit(token)
      assert.strictEqual(yield* reason(token), "used up")
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(yield* reason(token), "expired")
      assert.isTrue(yield* tokens.revoke(id))
      assert.strictEqual(yield* reason(token), "revoked")
      // Whoever has not the secret does not learn that.
      assert.strictEqual(yield* reason(`sonde1.${id}.${swapped}.${fingerprint}`), "unknown")
      assert.isFalse(yield* tokens.revoke("nobody"))
    }),
  )

  test(
    "are used as often as they may be and no more, however many try at once",
    Effect.gen(function* () {
      const { make, tokens } = yield* world()
      const { token } = yield* make({ usesMost: 7 })
      const exits = yield* Effect.forEach(
        Array.from({ length: 40 }),
        () => Effect.exit(tokens.admit(token)),
        { concurrency: "unbounded" },
      )
      assert.lengthOf(
        exits.filter((exit) => exit._tag === "Success"),
        7,
      )
      assert.strictEqual((yield* tokens.list)[0]!.uses, 7)
    }),
  )

  test(
    "go some time after they expired",
    Effect.gen(function* () {
      const { make, tokens } = yield* world()
      yield* make({ hours: 1 })
      yield* make({ hours: 0 })
      yield* TestClock.adjust("29 days")
      assert.strictEqual(yield* tokens.trim, 0)
      yield* TestClock.adjust("2 days")
      assert.strictEqual(yield* tokens.trim, 1)
      assert.lengthOf(yield* tokens.list, 1)
    }),
  )
})

describe("RegionAuthority", () => {
  test(
    "is made once, whoever starts, and opens with its secret only",
    Effect.gen(function* () {
      yield* TestClock.setTime(startMs)
      const context = yield* Layer.build(coordinationInProcess())
      const coordination = Context.get(context, Coordination)
      const start = (secret: string, region = "test") =>
        Layer.build(RegionAuthority.layer({ prefix, region, secret })).pipe(
          Effect.map((built) => Context.get(built, RegionAuthority)),
          Effect.provideService(Coordination, coordination),
        )
      const all = yield* Effect.forEach(Array.from({ length: 4 }), () => start("right"), {
        concurrency: "unbounded",
      })
      assert.lengthOf(new Set(all.map(({ fingerprint }) => fingerprint)), 1)
      const key = `${prefix}pki/ca`
      const { value } = (yield* coordination.get(key))!
      assert.notInclude(value, "PRIVATE KEY")
      const wrong = yield* Effect.flip(start("wrong"))
      assert.include(wrong.message, "cluster.secret is not the one")
      // What is kept for one region does not open for another.
      assert.include((yield* Effect.flip(start("right", "other"))).message, "cluster.secret is not")
      const [other] = yield* Effect.all([Effect.map(world(), ({ authority }) => authority.certificate)])
      yield* coordination.commit({
        writes: [{ put: key, value: JSON.stringify({ ...JSON.parse(value), certificate: other }) }],
      })
      assert.include((yield* Effect.flip(start("right"))).message, "cluster.secret is not")
      yield* coordination.commit({ writes: [{ put: key, value: "{}" }] })
      assert.include((yield* Effect.flip(start("right"))).message, "bring back a copy")
    }),
  )

  test(
    "keeps a server's certificate renewed",
    Effect.gen(function* () {
      const { authority } = yield* world()
      const live = yield* authority.serverCredentials("s1")
      const first = live.current.certificate
      yield* TestClock.adjust("4 days")
      assert.strictEqual(live.current.certificate, first)
      yield* TestClock.adjust("1 day")
      assert.notStrictEqual(live.current.certificate, first)
      const { identity } = yield* checkCertificate(
        authority.certificate,
        live.current.certificate,
        startMs + 8 * dayMs,
      )
      assert.deepStrictEqual(identity, { kind: "server", name: "s1" })
    }),
  )
})

describe("Enrolment", () => {
  test(
    "gives an agent a certificate for seven days, and the same for the same request",
    Effect.gen(function* () {
      const { ask, authority, make, tokens } = yield* world()
      const { token } = yield* make({ usesMost: 1 })
      const csr = csrOf()
      const first = yield* ask(token, "a-1", csr)
      assert.deepInclude(first, { state: "issued", agent: "a-1", authority: authority.certificate })
      const { identity, notAfterMs } = yield* checkCertificate(
        authority.certificate,
        first.certificate,
        startMs,
      )
      assert.deepStrictEqual(identity, { kind: "agent", name: "a-1" })
      assert.strictEqual(notAfterMs, startMs + 7 * dayMs)
      assert.deepStrictEqual(yield* ask(token, "a-1", csr), first)
      // Also when the token has expired meanwhile; but not when it was revoked.
      yield* TestClock.adjust("25 hours")
      assert.deepStrictEqual(yield* ask(token, "a-1", csr), first)
      assert.strictEqual((yield* tokens.list)[0]!.uses, 1)
      yield* tokens.revoke((yield* tokens.list)[0]!.id)
      assert.include((yield* Effect.flip(ask(token, "a-1", csr))).message, "was revoked")
    }),
  )

  test(
    "wants a token of agents, and a request that can be read",
    Effect.gen(function* () {
      const { ask, make } = yield* world()
      const admin = yield* make({ role: "admin" })
      const { token } = yield* make({ usesMost: 1 })
      const refusal = (text: string, csr = csrOf()) => Effect.flip(ask(text, "a-1", csr))
      assert.deepInclude(yield* refusal(""), { reason: "token" })
      assert.include((yield* refusal(admin.token)).message, "of the role admin")
      assert.deepInclude(yield* refusal(token, "rubbish"), { reason: "identity" })
      yield* ask(token, "a-1", csrOf())
      assert.include((yield* Effect.flip(ask(token, "a-2", csrOf(), "m-2"))).message, "1 uses")
    }),
  )

  test(
    "keeps the name of a machine that comes again, unless that runs",
    Effect.gen(function* () {
      const { ask, claim, known, make } = yield* world()
      const { token } = yield* make()
      assert.strictEqual((yield* ask(token, "a-1", csrOf())).agent, "a-1")
      while (known.list().length === 0) yield* Effect.yieldNow
      // With its name but another key, and without its name: its data directory was lost in part or whole.
      assert.strictEqual((yield* ask(token, "a-1", csrOf())).agent, "a-1")
      const csr = csrOf()
      assert.strictEqual((yield* ask(token, "b-1", csr)).agent, "a-1")
      yield* claim("a-1")
      assert.strictEqual((yield* ask(token, "b-1", csr)).agent, "a-1", "the same request again")
      assert.deepInclude(yield* Effect.flip(ask(token, "a-1", csrOf())), { reason: "cloned" })
      // A second agent on the machine.
      assert.strictEqual((yield* ask(token, "b-1", csrOf())).agent, "b-1")
    }),
  )

  test(
    "gives nobody the name of another machine's agent",
    Effect.gen(function* () {
      const { ask, make } = yield* world()
      const { token } = yield* make()
      yield* ask(token, "a-1", csrOf())
      const refused = yield* Effect.flip(ask(token, "a-1", csrOf(), "m-2", "other"))
      assert.deepInclude(refused, { reason: "cloned" })
      assert.include(refused.message, "cloned identity")
      assert.strictEqual((yield* ask(token, "c-1", csrOf(), "m-1", "other host")).agent, "c-1")
    }),
  )

  test(
    "waits for approval, with one use of the token",
    Effect.gen(function* () {
      const { ask, known, make, tokens } = yield* world("pending")
      const { token } = yield* make({ usesMost: 1, hours: 1 })
      const csr = csrOf()
      assert.deepInclude(yield* ask(token, "a-1", csr), { state: "waiting", certificate: "" })
      assert.deepInclude(yield* ask(token, "a-1", csr), { state: "waiting" })
      assert.strictEqual(known.get("a-1")?.permission, "pending")
      yield* TestClock.adjust("2 hours")
      yield* known.permit("a-1", "allowed")
      const issued = yield* ask(token, "a-1", csr)
      assert.strictEqual(issued.state, "issued")
      assert.strictEqual(new X509Certificate(issued.certificate).subject, "CN=a-1")
      assert.deepStrictEqual(yield* ask(token, "a-1", csr), issued)
      assert.strictEqual((yield* tokens.list)[0]!.uses, 1)
      yield* known.permit("a-1", "disabled")
      assert.include((yield* Effect.flip(ask((yield* make()).token, "a-1", csrOf()))).message, "is disabled")
    }),
  )

  test(
    "renews by certificate: one's own, and not after the agent was deleted",
    Effect.gen(function* () {
      const { ask, authority, enrol, forget, make } = yield* world()
      const { token } = yield* make()
      yield* ask(token, "a-1", csrOf())
      yield* TestClock.adjust("5 days")
      const peer: Peer = { ...someone, identity: { kind: "agent", name: "a-1" } }
      const renew = (agent: string, csr: string, as = peer) =>
        enrol({ token: "", csr, agent, host: "box", machineId: "m-1" }, as)
      const csr = csrOf()
      const renewed = yield* renew("a-1", csr)
      const { notAfterMs } = yield* checkCertificate(
        authority.certificate,
        renewed.certificate,
        startMs + 5 * dayMs,
      )
      assert.strictEqual(notAfterMs, startMs + 12 * dayMs)
      assert.deepStrictEqual(yield* renew("a-1", csr), renewed)
      assert.include((yield* Effect.flip(renew("a-2", csrOf()))).message, "that of agent a-1, not of a-2")
      const server: Peer = { ...someone, identity: { kind: "server", name: "s1" } }
      assert.deepInclude(yield* Effect.flip(renew("a-1", csrOf(), server)), { reason: "token" })
      yield* forget("a-1")
      assert.include((yield* Effect.flip(renew("a-1", csrOf()))).message, "was deleted")
    }),
  )

  test(
    "takes a fleet at once with one token, each agent once",
    Effect.gen(function* () {
      const { ask, make, tokens } = yield* world()
      const { token } = yield* make({ usesMost: 60 })
      const answers = yield* Effect.forEach(
        Array.from({ length: 80 }, (_, at) => at),
        (at) => Effect.exit(ask(token, `a-${at}`, csrOf(), `m-${at}`)),
        { concurrency: "unbounded" },
      )
      assert.lengthOf(
        answers.filter((exit) => exit._tag === "Success"),
        60,
      )
      assert.strictEqual((yield* tokens.list)[0]!.uses, 60)
    }),
  )

  test(
    "stops hearing an address that guesses, for a while, and no other",
    Effect.gen(function* () {
      const { ask, enrol, make } = yield* world()
      const { token } = yield* make()
      const csr = csrOf()
      for (let at = 0; at < 100; at++) yield* Effect.flip(ask("guess", "a-1", csr))
      assert.deepInclude(yield* Effect.flip(ask(token, "a-1", csr)), { reason: "flood" })
      const elsewhere = { ...someone, remote: "10.0.0.8:1" }
      const request = { token, csr, agent: "a-1", host: "box", machineId: "m-1" }
      assert.strictEqual((yield* enrol(request, elsewhere)).state, "issued")
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* ask(token, "a-1", csr)).state, "issued")
    }),
  )

  test(
    "forgets what was not renewed for a month",
    Effect.gen(function* () {
      const { ask, make, trim } = yield* world()
      const { token } = yield* make({ hours: 0 })
      yield* ask(token, "a-1", csrOf())
      yield* TestClock.adjust("29 days")
      yield* ask(token, "a-2", csrOf(), "m-2")
      assert.strictEqual(yield* trim, 0)
      yield* TestClock.adjust("2 days")
      assert.strictEqual(yield* trim, 1)
    }),
  )
})
