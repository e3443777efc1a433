import * as fc from "fast-check"
import { Buffer } from "node:buffer"
import { describe, expect, it } from "vitest"
import { eachForeignPayload, hasCaptures } from "../captures.testing.ts"
import { Direction, Evidence } from "../Protocol.ts"
import { readRecording, shortly } from "../recording.testing.ts"
import { cutAt, damaged, noise, play, type Run } from "../transcript.testing.ts"
import { detectLdap } from "./detect.ts"
import { makeLdap } from "./ldap.ts"

const recorded = readRecording(new URL("recordings/openldap-ldap3.jsonl", import.meta.url))

const value = (tag: number, ...parts: ReadonlyArray<Uint8Array | ReadonlyArray<number>>): Buffer => {
  const content = Buffer.concat(parts.map((part) => Buffer.from(part)))
  // Lengths in four bytes, as Active Directory writes them.
  return Buffer.concat([Buffer.from([tag, 0x84, 0, 0, content.length >> 8, content.length & 255]), content])
}
const text = (words: string, tag = 4) => value(tag, Buffer.from(words))
const message = (id: number, operation: Uint8Array) => value(0x30, [2, 1, id], operation)
const result = (tag: number, code: number, words = "") => value(tag, [10, 1, code], text(""), text(words))
const toServer = (bytes: Uint8Array, missing = 0): Run => ({ direction: Direction.toServer, bytes, missing })
const toClient = (bytes: Uint8Array, missing = 0): Run => ({ direction: Direction.toClient, bytes, missing })
const remove = (id: number, dn: string) => message(id, text(dn, 0x4a))

describe("conversations", () => {
  it("of real programs give operations, names and results, without values", () => {
    const ldap = makeLdap()
    expect(shortly(ldap, recorded)).toEqual([
      "Bind cn=admin,dc=example,dc=org authentication=simple",
      "< ok success",
      "Add dc=example,dc=org",
      "< ok success",
      "Add cn=alice,dc=example,dc=org",
      "< ok success",
      "Add cn=bob,dc=example,dc=org",
      "< ok success",
      "Search dc=example,dc=org??sub?(&(objectClass=?)(|(mail=?)(sn=*?*))(!(uid>=?))(cn=*))",
      "< ok success entries=0",
      "Search ou=none,dc=example,dc=org??sub?(cn=?)",
      "< client_error 32 noSuchObject noSuchObject entries=0",
      "Modify cn=bob,dc=example,dc=org",
      "< ok success",
      "Compare cn=bob,dc=example,dc=org",
      "< ok 6 compareTrue",
      "Add cn=bob,dc=example,dc=org",
      "< client_error 68 entryAlreadyExists entryAlreadyExists",
      "Delete cn=alice,dc=example,dc=org",
      "< ok success",
      "Extended 1.3.6.1.4.1.4203.1.11.3",
      "< ok success",
      "Unbind async",
    ])
    expect(play(makeLdap(), recorded).messages[0]).toMatchObject({
      requestId: 1,
      requestDomain: "example.org",
    })
    expect(ldap.stats.malformed).toBe(0)
  })

  it("show values where that is asked for", () => {
    expect(shortly(makeLdap({ maskLiterals: false }), recorded).join("\n")).toContain(
      "(mail=alice@example.org)",
    )
  })

  it("count the entries of a search, and answer from the first of them on", () => {
    const entry = message(5, value(0x64, text("cn=x"), value(0x30)))
    const runs = [toClient(entry), toClient(entry), toClient(message(5, result(0x65, 4, "only two")))]
    const { messages } = play(makeLdap(), runs, { ticks: true, close: true })
    expect(messages).toHaveLength(1)
    expect(messages[0]).toMatchObject({
      startUs: 1,
      endUs: 3,
      exception: "sizeLimitExceeded: only two",
      attributes: ["entries", "2"],
    })
  })

  it("leave with StartTLS, and know notices", () => {
    const start = message(1, value(0x77, text("1.3.6.1.4.1.1466.20037", 0x80)))
    expect(play(makeLdap(), [toServer(start), toClient(message(1, result(0x78, 0)))]).hasLeft).toBe(true)
    expect(play(makeLdap(), [toServer(start), toClient(message(1, result(0x78, 2)))]).hasLeft).toBe(false)
    expect(shortly(makeLdap(), [toClient(message(0, result(0x78, 52, "bye")))])).toEqual([
      "< server_error 52 unavailable: bye unavailable async",
    ])
  })

  it("are the same for any split", () => {
    const whole = play(makeLdap(), recorded).messages
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 60 }), (cuts) => {
        expect(play(makeLdap(), cutAt(recorded, cuts)).messages).toEqual(whole)
      }),
    )
  })

  it("have no answer whose code is none", () => {
    const ldap = makeLdap()
    const answer = value(0x6b, [10, 4, 0xff, 0xff, 0xff, 0xf0], text(""), text(""))
    const runs = [toServer(remove(1, "cn=a")), toClient(message(1, answer))]
    expect(play(ldap, runs).messages).toHaveLength(1)
    expect(ldap.stats.malformed).toBe(1)
  })

  it("go on behind gaps", () => {
    const ldap = makeLdap()
    const long = remove(1, `cn=${"x".repeat(2_000)}`)
    const runs = [
      toServer(long.subarray(0, 1_000), long.length - 1_000),
      toServer(remove(2, "cn=two"), 10),
      toServer(Buffer.from("xyz")),
      toServer(remove(3, "cn=three")),
    ]
    expect(play(ldap, runs).messages.map(({ requestId }) => requestId)).toEqual([1, 2, 3])
    expect(ldap.stats).toMatchObject({ truncated: 1, resyncs: 1 })
  })

  it("survive damage and noise within their bounds", () => {
    fc.assert(
      fc.property(fc.oneof(damaged(recorded), noise), (runs) => {
        expect(play(makeLdap(), runs).maxBuffered).toBeLessThanOrEqual(1024)
      }),
      { numRuns: 300 },
    )
  })
})

describe("detection", () => {
  it("tells the sides of a real conversation", () => {
    for (const { bytes, direction } of recorded) {
      const expected = direction === Direction.toServer ? Evidence.request : Evidence.response
      expect(detectLdap(bytes, 0, bytes.length)).toBe(expected)
      expect(detectLdap(bytes, 0, 1)).toBe(Evidence.unclear)
    }
  })

  it.skipIf(!hasCaptures)("takes nothing of other protocols", async () => {
    await eachForeignPayload([], (bytes, start, end, file) => {
      expect([Evidence.none, Evidence.unclear], file).toContain(detectLdap(bytes, start, end))
    })
  })
})
