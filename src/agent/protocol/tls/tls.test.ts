import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { Buffer } from "node:buffer"
import { eachForeignPayload, hasCaptures } from "../captures.testing.ts"
import { Direction, Evidence } from "../Protocol.ts"
import { inShort, readRecording } from "../recording.testing.ts"
import { damaged, everyCut, noise, play, type Run } from "../transcript.testing.ts"
import { readCertificate } from "./Certificate.ts"
import { ja3, ja4, readClientHello } from "./ClientHello.ts"
import { detectTls } from "./detect.ts"
import { makeTls } from "./tls.ts"

const recording = (name: string): ReadonlyArray<Run> =>
  readRecording(new URL(`recordings/${name}.jsonl`, import.meta.url))
const names = ["tls1.3", "tls1.2", "certificate-rejected", "version-refused", "hello-retry"]
const shown = (runs: ReadonlyArray<Run>) => play(makeTls(), runs).messages.map(inShort)
const certificate =
  "certificate_subject=shop.example certificate_issuer=shop.example certificate_names=shop.example,*.shop.example " +
  "certificate_not_before=2026-11-26T11:34:02Z certificate_not_after=2027-11-26T11:34:02Z"

describe("handshakes", () => {
  it("of TLS 1.3 name server, application protocol, version and cipher, and leave", () => {
    const { hasLeft, messages } = play(makeTls(), recording("tls1.3"))
    expect(messages[0]).toMatchObject({ requestDomain: "shop.example", version: "TLS 1.3" })
    expect(messages.map(inShort)).toEqual([
      "ClientHello shop.example alpn=h2,http/1.1 ja3=9dffdb8b608a430b774a2ff7d36c1a0c ja4=t13d0411h2_16476d049b0b_78f1d400d464",
      "< ok ServerHello cipher=TLS_AES_256_GCM_SHA384 ja3s=15af977ce25de452b96affa2addb1036 handshake_us=0",
    ])
    expect(hasLeft).toBe(true)
  })

  it("of TLS 1.2 show the certificate", () => {
    expect(shown(recording("tls1.2"))[1]).toBe(
      "< ok ServerHello cipher=TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 ja3s=ec74a5c51106f0419184d0dd08fb05bc " +
        `${certificate} handshake_us=0`,
    )
  })

  it("that fail blame whom the alert blames", () => {
    expect(shown(recording("certificate-rejected"))[1]).toBe(
      "< server_error 48 unknown_ca ServerHello cipher=TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 " +
        `ja3s=ec74a5c51106f0419184d0dd08fb05bc ${certificate} alert_from=client`,
    )
    expect(shown(recording("version-refused"))[1]).toBe(
      "< client_error 70 protocol_version alert_from=server",
    )
  })

  it("with a second ClientHello are one", () => {
    const messages = shown(recording("hello-retry"))
    expect(messages).toHaveLength(2)
    expect(messages[1]).toContain("hello_retry=true cipher=TLS_AES_256_GCM_SHA384")
  })

  it("that end early are not called fine", () => {
    expect(shown(recording("tls1.2").slice(0, 2))[1]).toMatch(/^< unknown ServerHello/)
  })

  it("cut after 1,024 bytes still show what was captured", () => {
    const runs = recording("tls1.2").map((run) => ({
      ...run,
      bytes: run.bytes.subarray(0, 700),
      missing: Math.max(0, run.bytes.length - 700),
    }))
    expect(runs.some(({ missing }) => missing > 0)).toBe(true)
    expect(shown(runs)[1]).toContain("certificate_subject=shop.example")
    expect(shown(runs)[1]).toMatch(/^< ok/)
  })

  it("are the same for any split", () => {
    for (const name of names) {
      const runs = recording(name)
      const whole = play(makeTls(), runs).messages
      for (const pieces of everyCut(runs)) expect(play(makeTls(), pieces).messages, name).toEqual(whole)
    }
  })

  it("survive damage and noise within their bounds", () => {
    fc.assert(
      fc.property(fc.oneof(noise, ...names.map((name) => damaged(recording(name)))), (runs) => {
        expect(play(makeTls(), runs).maxBuffered).toBeLessThanOrEqual(16_384)
      }),
      { numRuns: 300 },
    )
  })
})

describe("readers", () => {
  it("take any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (bytes, likely) => {
        if (likely && bytes.length > 1) bytes.set([3, 3], 0)
        const hello = readClientHello(bytes, 0, bytes.length)
        if (hello !== null) expect(ja3(hello).length + ja4(hello).length).toBe(32 + 36)
        readCertificate(bytes, 0, bytes.length)
      }),
    )
  })
})

describe("detection", () => {
  it("knows both hellos, and nothing that comes later", () => {
    for (const name of names) {
      recording(name).forEach(({ bytes, direction }, i) => {
        const evidence = detectTls(bytes, 0, bytes.length)
        if (i < 1) expect(evidence).toBe(Evidence.request)
        else if (evidence !== Evidence.none)
          expect(evidence).toBe(direction === Direction.toServer ? Evidence.request : Evidence.response)
      })
    }
    const data = Buffer.from("1703030045f41f5503", "hex")
    expect(detectTls(data, 0, data.length)).toBe(Evidence.none)
  })

  it.skipIf(!hasCaptures)("takes nothing of other protocols", async () => {
    await eachForeignPayload([], (bytes, start, end, file) => {
      expect([Evidence.none, Evidence.unclear], file).toContain(detectTls(bytes, start, end))
    })
  })
})
