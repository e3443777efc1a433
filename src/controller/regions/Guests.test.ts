import { assert, describe, it } from "@effect/vitest"
import { createPrivateKey, createPublicKey, X509Certificate } from "node:crypto"
import * as Effect from "effect/Effect"
import { Coordination } from "../../runtime/coordination/Coordination.ts"
import { MemoryStore, serviceOf } from "../../runtime/coordination/memory.ts"
import { checkCertificate, issue, makeAuthority } from "../../runtime/tls/authority.ts"
import { csrWith, makeCsr } from "../../runtime/tls/csr.ts"
import type { RegionAuthority } from "../enrol/RegionAuthority.ts"
import { encodeCopy } from "./globalKeys.ts"
import { makeGuests } from "./Guests.ts"
import type { Identity } from "./Identity.ts"
import type { SharingRegion } from "./RegionDirectory.ts"
import { regionRecord } from "./regions.testing.ts"

const prefix = "/sonde/us/"
const nowMs = Date.now()
const days = 7

/** Region us as it hosts, and region eu whose agent a1 comes. */
const regions = (
  changes: {
    readonly allowsSpill?: boolean
    readonly spillRegions?: ReadonlyArray<string>
    readonly home?: Partial<SharingRegion>
  } = {},
) =>
  Effect.gen(function* () {
    const eu = yield* makeAuthority("eu", nowMs)
    const us = yield* makeAuthority("us", nowMs)
    const store = serviceOf(new MemoryStore())
    const home: SharingRegion = {
      ...regionRecord("eu", { authority: eu.certificate, allowsSpill: true }),
      heardMs: nowMs,
      ...changes.home,
    }
    const residents = new Set<string>()
    const guests = yield* makeGuests({
      prefix,
      region: "us",
      label: "",
      allowsSpill: changes.allowsSpill ?? true,
      spillRegions: changes.spillRegions ?? [],
      afterSeconds: 30,
      isTls: true,
      directory: {
        others: () => [home],
        get: (name) => (name === "eu" ? home : undefined),
        state: () => ({ store: "", revision: 0, contactMs: nowMs, problem: "" }),
        isAway: () => false,
      },
      authority: {
        certificate: us.certificate,
        fingerprint: "",
        issue: (identity, publicKey, atMs = nowMs) => issue(us, { identity, publicKey, days, nowMs: atMs }),
        serverCredentials: () => Effect.die("not asked for"),
      } satisfies RegionAuthority["Service"],
      hasResident: (agent) => residents.has(agent),
    }).pipe(Effect.provideService(Coordination, store))
    const { key } = makeCsr("a1")
    const certify = (name: string, kind: "agent" | "server" = "agent", from = eu, atMs = nowMs) =>
      issue(from, {
        identity: { kind, name },
        publicKey: createPublicKey(createPrivateKey(key)),
        days,
        nowMs: atMs,
      })
    const request = {
      token: "",
      csr: csrWith("a1", createPrivateKey(key)),
      agent: "a1",
      host: "box",
      machineId: "m1",
    }
    const known = (identity: Partial<Identity>) => {
      const value = JSON.stringify({
        ...{ region: "eu", host: "box", machineId: "m1", keyDigest: "", permission: "allowed" },
        ...identity,
      })
      const entry = { key: "", value, modified: 1, created: 1 }
      return store.commit({
        writes: [{ put: `${prefix}global-identity/a1`, value: encodeCopy(entry, nowMs) }],
      })
    }
    return { guests, residents, certify, request, known, us }
  })

describe("Guests", () => {
  it.live("get a certificate of the host for the key that they have at home", () =>
    Effect.gen(function* () {
      const { certify, guests, known, request, us } = yield* regions()
      yield* known({})
      const certificate = yield* certify("a1")
      const answer = yield* guests.enrol(request, { region: "eu", certificate })
      const checked = yield* checkCertificate(us.certificate, answer.certificate, nowMs)
      assert.deepStrictEqual(checked.identity, { kind: "agent", name: "a1" })
    }),
  )

  it.live("have it no longer than that from home", () =>
    Effect.gen(function* () {
      const { certify, guests, request, us } = yield* regions()
      const agedMs = nowMs - 6 * 86_400_000
      const certificate = yield* certify("a1", "agent", undefined, agedMs)
      const answer = yield* guests.enrol(request, { region: "eu", certificate })
      const { notAfterMs, notBeforeMs } = yield* checkCertificate(us.certificate, answer.certificate, nowMs)
      const shown = new X509Certificate(certificate)
      assert.strictEqual(notBeforeMs, shown.validFromDate.getTime())
      assert.strictEqual(notAfterMs, shown.validToDate.getTime())
    }),
  )

  it.live("are refused without proof, each with what is wrong", () =>
    Effect.gen(function* () {
      const { certify, guests, request, us } = yield* regions()
      const refusal = (certificate: string, csr = request.csr) =>
        Effect.map(
          Effect.flip(guests.enrol({ ...request, csr }, { region: "eu", certificate })),
          ({ message }) => message,
        )
      assert.include(yield* refusal(yield* certify("a2")), "it is that of agent a2")
      assert.include(yield* refusal(yield* certify("a1", "server")), "it is that of server a1")
      assert.include(yield* refusal(yield* certify("a1", "agent", us)), "of another authority")
      assert.include(yield* refusal("nonsense"), "cannot be read")
      const own = yield* certify("a1")
      assert.include(yield* refusal(own, makeCsr("a1").csr), "with another key")
      assert.include(yield* refusal(own, "nonsense"), "the certificate request cannot be used")
    }),
  )

  it.live("are refused where either region does not allow it, or that one is not known", () =>
    Effect.gen(function* () {
      const comer = { agent: "a1", host: "box", machineId: "m1" }
      const refusal = (changes: Parameters<typeof regions>[0], home = "eu") =>
        Effect.gen(function* () {
          const { guests } = yield* regions(changes)
          return (yield* Effect.flip(guests.admit(comer, home))).message
        })
      assert.strictEqual(yield* refusal({ allowsSpill: false }), "region us takes no guests (cluster.spill)")
      assert.include(yield* refusal({ home: { allowsSpill: false } }), "cluster.spill there")
      assert.include(yield* refusal({ spillRegions: ["ap"] }), "no guests of eu (cluster.spillRegions)")
      assert.include(yield* refusal({}, "xx"), "not known in us")
    }),
  )

  it.live("are refused when they are not who has the name, or may not work at home", () =>
    Effect.gen(function* () {
      const comer = { agent: "a1", host: "box", machineId: "m1" }
      const refusal = (who: Partial<Identity>, isResident = false) =>
        Effect.gen(function* () {
          const { guests, known, residents } = yield* regions()
          yield* known(who)
          if (isResident) residents.add("a1")
          return (yield* Effect.flip(guests.admit(comer, "eu"))).message
        })
      assert.include(yield* refusal({ region: "us" }), "at home in region us, not in eu")
      assert.include(yield* refusal({}, true), "not in eu")
      assert.include(yield* refusal({ machineId: "m2" }), "its data directory was copied")
      assert.include(yield* refusal({ permission: "disabled" }), "is disabled at home in eu")
    }),
  )

  it.live("tell agents of regions that take them, and of none where they may not go", () =>
    Effect.gen(function* () {
      const { guests } = yield* regions()
      assert.deepInclude(guests.elsewhere(), { home: "us", label: "us", afterSeconds: 30 })
      assert.deepStrictEqual(
        guests.elsewhere()?.regions.map(({ control, name }) => [name, control]),
        [["eu", ["eu.example:20035"]]],
      )
      const refusing = yield* regions({ home: { allowsSpill: false } })
      assert.deepStrictEqual(refusing.guests.elsewhere()?.regions, [])
      assert.deepStrictEqual((yield* regions({ spillRegions: ["ap"] })).guests.elsewhere()?.regions, [])
      // An agent that has a certificate does not go where there is no TLS.
      const plain = yield* regions({ home: { authority: "" } })
      assert.deepStrictEqual(plain.guests.elsewhere()?.regions, [])
      assert.isUndefined((yield* regions({ allowsSpill: false })).guests.elsewhere())
    }),
  )
})
