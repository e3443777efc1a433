// The short run of the fuzzer; `node test/fuzz/main.ts` is the long one.

import { describe, expect, it } from "vitest"
import { makeProtocols } from "../../src/agent/protocol/protocols.ts"
import type { Protocol } from "../../src/agent/protocol/Protocol.ts"
import { check, fuzzProtocol, maxConnectionBytes, maxHeapGrowth } from "./fuzzProtocol.ts"
import { Mutator } from "./Mutator.ts"
import { readSeeds } from "./seeds.ts"

const inputs = 4_000
const protocols = makeProtocols({ maskLiterals: true })
const seeds = await readSeeds(protocols)
const everything = [...seeds.values()].flat()

describe("hostile bytes", () => {
  for (const [index, protocol] of protocols.entries()) {
    it(`${protocol.name} (${index})`, async () => {
      const own = seeds.get(protocol)!
      const outcome = await fuzzProtocol(protocol, own.length > 0 ? own : everything, inputs, 1 + index)
      expect(outcome.faults).toEqual([])
      expect(outcome.inputs).toBe(inputs)
      expect(outcome.connectionBytes).toBeLessThanOrEqual(maxConnectionBytes)
      expect(outcome.heapGrowth).toBeLessThanOrEqual(maxHeapGrowth)
    })
  }

  it("finds a parser that throws, one that loops, and one whose numbers are none", () => {
    const sick = (feed: (bytes: Uint8Array, at: number) => number): Protocol => ({
      ...protocols[0]!,
      connection: (sink) => ({
        feed: (_direction, bytes, start, end) => {
          const length = feed(bytes.subarray(start, end), 0)
          const good = protocols[2]!.connection({
            message: (message) => sink.message({ ...message, length }),
            leave: () => undefined,
            desync: () => undefined,
          })
          good.feed(0, bytes, start, end, 0, 1, 0)
        },
        close: () => undefined,
      }),
    })
    const input = new Mutator(everything, 1).next()
    const throws = sick(() => {
      throw new Error("out of bounds")
    })
    const loops = sick(() => {
      const end = performance.now() + 12
      while (performance.now() < end);
      return 0
    })
    expect(check(throws, input)).toContain("out of bounds")
    expect(check(loops, input)).toContain("one feed took")
    const request = [{ direction: 0 as const, bytes: Buffer.from("GET / HTTP/1.1\r\nHost: a\r\n\r\n") }]
    expect(
      check(
        sick(() => NaN),
        request,
      ),
    ).toBe("length is NaN")
  })

  it("makes the same inputs of the same seed", () => {
    const one = new Mutator(everything, 7)
    const other = new Mutator(everything, 7)
    for (let i = 0; i < 100; i++) expect(one.next()).toEqual(other.next())
  })
})
