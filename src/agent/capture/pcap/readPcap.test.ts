import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import { afterAll, describe } from "vitest"
import { bytesOf, tcpFrame, text } from "../packet/packets.testing.ts"
import { pcapFile, PcapngBlocks, type TestPacket } from "./captureFiles.testing.ts"
import { CaptureDecoder } from "./CaptureDecoder.ts"
import { CaptureFileError } from "./CaptureFileError.ts"
import { readPackets, readPcap } from "./readPcap.ts"

const directory = mkdtempSync(join(tmpdir(), "sonde-pcap-"))
afterAll(() => rmSync(directory, { recursive: true }))

const packets: ReadonlyArray<TestPacket> = [
  { bytes: tcpFrame({ payload: text("one") }), timeUs: 1_700_000_000_000_001 },
  { bytes: text("cut"), timeUs: 1_700_000_001_500_000, originalLength: 1500 },
  { bytes: new Uint8Array(0), timeUs: 1_700_000_002_000_000, originalLength: 60 },
  { bytes: text("four"), timeUs: 1_700_000_003_999_999 },
]
const expected = packets.map(({ bytes, originalLength, timeUs }) => ({
  bytes: [...bytes],
  originalLength: originalLength ?? bytes.length,
  timeUs,
}))

type Read = {
  bytes: Array<number>
  originalLength: number
  timeUs: number
  linkType: number
  interfaceIndex: number
}

const collect = async (...pieces: ReadonlyArray<Uint8Array>) => {
  const read: Array<Read> = []
  const outcome = await readPackets(
    pieces,
    ({ bytes, end, interfaceIndex, linkType, originalLength, start, timeUs }) =>
      read.push({ bytes: [...bytes.subarray(start, end)], originalLength, timeUs, linkType, interfaceIndex }),
  ).catch((error: unknown) => error)
  if (outcome instanceof CaptureFileError) return { read, error: outcome, warnings: [] }
  if (outcome instanceof Error) throw outcome
  return { read, error: null, warnings: (outcome as { warnings: ReadonlyArray<string> }).warnings }
}

const plain = (read: ReadonlyArray<Read>) =>
  read.map(({ bytes, originalLength, timeUs }) => ({ bytes, originalLength, timeUs }))

describe("classic pcap", () => {
  for (const isLittle of [true, false]) {
    for (const variant of ["micro", "nano", "modified"] as const) {
      it(`${variant}, ${isLittle ? "little" : "big"} endian, plain and gzip`, async () => {
        const file = pcapFile(packets, { isLittle, variant })
        for (const bytes of [
          file,
          gzipSync(file),
          bytesOf(gzipSync(file.subarray(0, 50)), gzipSync(file.subarray(50))),
        ]) {
          const { error, read, warnings } = await collect(bytes)
          expect(error).toBeNull()
          expect(warnings).toEqual([])
          expect(plain(read)).toEqual(expected)
        }
      })
    }
  }

  it("keeps fractions of a microsecond", async () => {
    const file = pcapFile([{ bytes: text("x"), timeUs: 0 }], { variant: "nano" })
    new DataView(file.buffer).setUint32(28, 1_500, true)
    expect((await collect(file)).read[0].timeUs).toBe(1.5)
  })

  it("names a link type that is not read", async () => {
    const { error } = await collect(pcapFile(packets, { linkType: 127 }))
    expect(error).toMatchObject({ reason: "linkType", offset: 20 })
    expect(error?.message).toContain("link type 127 (IEEE 802.11 with radiotap header)")
  })

  it("says where a record's length cannot be right, after the packets before it", async () => {
    const file = pcapFile(packets)
    const second = 24 + 16 + packets[0].bytes.length
    new DataView(file.buffer).setUint32(second + 8, 0xffffffff, true)
    const { error, read } = await collect(file)
    expect(read).toHaveLength(1)
    expect(error).toMatchObject({ reason: "corrupt", offset: second + 8 })
    expect(error?.message).toBe(
      `corrupt at byte ${second + 8}: expected a captured length of at most 1048576, found 4294967295`,
    )
  })
})

const ngFile = (isLittle: boolean): Uint8Array => {
  const blocks = new PcapngBlocks(isLittle)
  const other = new PcapngBlocks(!isLittle)
  return bytesOf(
    blocks.section(),
    blocks.interface(1),
    blocks.interface(113, 9),
    blocks.block(5, new Uint8Array(40)),
    blocks.enhanced(0, 1_700_000_000_000_001n, text("micro"), 9000),
    blocks.enhanced(1, 1_700_000_000_000_002_000n, text("nano")),
    blocks.obsolete(0, 1_700_000_000_000_003n, text("old")),
    blocks.simple(text("simple")),
    other.section(),
    other.interface(1, 0x80 | 10, 4),
    other.enhanced(0, 2_048n, text("binary")),
    other.simple(text("snap"), 60),
  )
}
const ngExpected = [
  ["micro", 9000, 1_700_000_000_000_001, 1, 0],
  ["nano", 4, 1_700_000_000_000_002, 113, 1],
  ["old", 3, 1_700_000_000_000_003, 1, 0],
  ["simple", 6, 1_700_000_000_000_003, 1, 0],
  ["binary", 6, 2_000_000, 1, 2],
  ["snap", 60, 2_000_000, 1, 2],
]

describe("pcapng", () => {
  for (const isLittle of [true, false]) {
    it(`reads every packet block, ${isLittle ? "little" : "big"} endian first`, async () => {
      const { error, read, warnings } = await collect(ngFile(isLittle))
      expect(error).toBeNull()
      expect(warnings).toEqual([])
      expect(
        read.map(({ bytes, interfaceIndex, linkType, originalLength, timeUs }) => [
          String.fromCharCode(...bytes),
          originalLength,
          timeUs,
          linkType,
          interfaceIndex,
        ]),
      ).toEqual(ngExpected)
    })
  }

  it("skips packets of a link type that is not read, and says so", async () => {
    const blocks = new PcapngBlocks()
    const wireless = bytesOf(blocks.section(), blocks.interface(105), blocks.enhanced(0, 1n, text("w")))
    expect((await collect(wireless)).error?.message).toContain("link type 105 (IEEE 802.11 wireless)")
    const mixed = bytesOf(wireless, blocks.interface(1), blocks.enhanced(1, 1n, text("e")))
    const { read, warnings } = await collect(mixed)
    expect(read).toHaveLength(1)
    expect(warnings).toEqual([expect.stringContaining("1 packets of link type 105")])
  })

  it("passes over a block of any length without keeping it", () => {
    const blocks = new PcapngBlocks()
    const huge = blocks.block(0xbad, new Uint8Array(0))
    new DataView(huge.buffer).setUint32(4, 0xfffffff0, true)
    const decoder = new CaptureDecoder(() => {})
    const before = process.memoryUsage().arrayBuffers
    decoder.push(bytesOf(blocks.section(), huge))
    const piece = new Uint8Array(64 * 1024)
    for (let i = 0; i < 200; i++) decoder.push(piece)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 * 1024 * 1024)
    expect(decoder.end()).toContain("truncated: the record at byte 28")
  })

  it.each([
    ["a length below 12", 28 + 4, 8, "expected a block length of at least 12"],
    ["a length that is not divisible", 28 + 4, 21, "divisible by 4"],
    ["a hostile length", 28 + 4, 0xfffffff0, "expected a block length of at most"],
    ["a trailer that differs", 28 + 16, 24, "expected the block's length 20 again at its end, found 24"],
  ])("says what is wrong with %s", async (_name, at, value, message) => {
    const blocks = new PcapngBlocks()
    const file = bytesOf(blocks.section(), blocks.interface(1))
    new DataView(file.buffer).setUint32(at, value, true)
    const { error } = await collect(file)
    expect(error).toMatchObject({ reason: "corrupt", offset: at })
    expect(error?.message).toContain(message)
  })

  it("says that a packet's interface was never described", async () => {
    const blocks = new PcapngBlocks()
    const { error } = await collect(bytesOf(blocks.section(), blocks.enhanced(7, 1n, text("x"))))
    expect(error?.message).toContain("expected an interface below 0, as described before, found 7")
  })
})

describe("damaged files", () => {
  const files = [pcapFile(packets), pcapFile(packets, { variant: "modified", isLittle: false }), ngFile(true)]

  it("a file cut anywhere gives all whole packets, then one warning or the declared error", async () => {
    for (const file of files) {
      const whole = (await collect(file)).read
      for (let cut = 0; cut < file.length; cut++) {
        const { error, read, warnings } = await collect(file.subarray(0, cut))
        expect(read).toEqual(whole.slice(0, read.length))
        expect(warnings.length).toBeLessThanOrEqual(1)
        if (error !== null) expect(error.reason).toBe("notACapture")
        if (cut < 4) expect(error).not.toBeNull()
      }
    }
  })

  it("compressed data cut anywhere gives a prefix of the packets and says that it is cut", async () => {
    const file = gzipSync(pcapFile(packets))
    for (let cut = 0; cut < file.length; cut++) {
      const { error, read, warnings } = await collect(file.subarray(0, cut))
      expect(plain(read)).toEqual(expected.slice(0, read.length))
      expect((error === null ? 0 : 1) + warnings.length).toBe(1)
    }
    const damaged = Uint8Array.from(file)
    damaged[file.length - 6] ^= 255
    expect((await collect(damaged)).error?.message).toContain("the gzip data is damaged after")
  })

  it("gives the same for any pieces", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...files, gzipSync(files[0])),
        fc.array(fc.nat(400), { maxLength: 12 }),
        async (file, cuts) => {
          const at = [0, ...cuts.map((cut) => cut % file.length).sort((a, b) => a - b), file.length]
          const pieces = at.slice(1).map((end, i) => file.subarray(at[i], end))
          expect(await collect(...pieces)).toEqual(await collect(file))
        },
      ),
      { numRuns: 60 },
    )
  })

  it("never fails otherwise than declared on mutated bytes", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...files, gzipSync(files[0])),
        fc.array(fc.tuple(fc.nat(600), fc.nat(255)), { minLength: 1, maxLength: 8 }),
        async (file, changes) => {
          const bytes = Uint8Array.from(file)
          for (const [at, value] of changes) bytes[at % bytes.length] = value
          const { error, read } = await collect(bytes)
          expect(read.length).toBeLessThan(50)
          if (error !== null) expect(error.message).not.toBe("")
        },
      ),
      { numRuns: 300 },
    )
  })
})

describe("files", () => {
  it.effect("reads a path, says the name with every error", () =>
    Effect.gen(function* () {
      const path = join(directory, "some.pcap.gz")
      writeFileSync(path, gzipSync(pcapFile(packets)))
      let count = 0
      const summary = yield* readPcap(path, () => count++)
      expect(count).toBe(4)
      expect(summary).toEqual({
        format: "pcap",
        isCompressed: true,
        packets: 4,
        bytes: 24 + 4 * 16 + packets.reduce((sum, { bytes }) => sum + bytes.length, 0),
        warnings: [],
      })
      const missing = yield* Effect.flip(readPcap(join(directory, "none"), () => {}))
      expect(missing.message).toBe(`${join(directory, "none")}: there is no such file`)
      expect((yield* Effect.flip(readPcap(directory, () => {}))).message).toContain("it is a directory")
      writeFileSync(path, "not a capture")
      expect((yield* Effect.flip(readPcap(path, () => {}))).message).toContain(
        "expected a pcap or pcapng file",
      )
      writeFileSync(path, "")
      expect((yield* Effect.flip(readPcap(path, () => {}))).message).toContain("found an empty one")
    }),
  )

  it("lets what the consumer throws through, also out of compressed data", async () => {
    const fault = new Error("mine")
    for (const file of [pcapFile(packets), gzipSync(pcapFile(packets))]) {
      await expect(
        readPackets([file], () => {
          throw fault
        }),
      ).rejects.toBe(fault)
    }
  })

  const hasTshark = spawnSync("tshark", ["--version"]).status === 0
  it.skipIf(!hasTshark)("writes test files that tshark reads the same way", () => {
    const path = join(directory, "ng.pcapng")
    writeFileSync(path, ngFile(true))
    const { stdout } = spawnSync("tshark", [
      "-r",
      path,
      "-T",
      "fields",
      "-e",
      "frame.len",
      "-e",
      "frame.time_epoch",
    ])
    expect(String(stdout).trim().split("\n").slice(0, 3)).toEqual([
      "9000\t1700000000.000001000",
      "4\t1700000000.000002000",
      "3\t1700000000.000003000",
    ])
  })
})
