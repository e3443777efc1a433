import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as RpcSerialization from "effect/rpc/RpcSerialization"
import * as fc from "fast-check"
import { type BrokenReason, type MsgpackOptions, msgpackSerialization } from "./msgpackSerialization.ts"

const parserOf = (options: MsgpackOptions = {}) =>
  Effect.runSync(
    Effect.map(RpcSerialization.RpcSerialization, (serialization) => serialization.makeUnsafe()).pipe(
      Effect.provide(msgpackSerialization(options)),
    ),
  )

const message = fc.dictionary(
  fc.string({ maxLength: 8 }),
  fc.oneof(
    fc.string(),
    fc.integer(),
    // -0 is written as the integer that it equals.
    fc.double({ noNaN: true }).map((value) => (value === 0 ? 0 : value)),
    fc.boolean(),
    fc.constant(null),
    fc.array(fc.string({ maxLength: 5 }), { maxLength: 5 }),
  ),
  { maxKeys: 6, noNullPrototype: true },
)

/** Feeds the bytes in pieces of these lengths, over and over. */
const fed = (bytes: Uint8Array, cuts: ReadonlyArray<number>, options: MsgpackOptions = {}) => {
  const parser = parserOf(options)
  const found: Array<unknown> = []
  for (let at = 0, cut = 0; at < bytes.length; cut++) {
    const length = cuts[cut % cuts.length]!
    found.push(...parser.decode(Buffer.from(bytes.subarray(at, at + length))))
    at += length
  }
  return found
}

describe("RPC messages", () => {
  it("are read as they were written, in any pieces", () => {
    fc.assert(
      fc.property(
        fc.array(message, { maxLength: 6 }),
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 }),
        (messages, cuts) => {
          const { encode } = parserOf()
          const bytes = Buffer.concat(messages.map((one) => Buffer.from(encode(one) as Uint8Array)))
          assert.deepStrictEqual(fed(bytes, cuts), messages)
        },
      ),
    )
  })

  it("that are none end the connection with a counted reason, and nothing else is thrown", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.integer({ min: 1, max: 50 }), (bytes, cut) => {
        const reasons: Array<BrokenReason> = []
        try {
          fed(bytes, [cut], { onBroken: (reason) => reasons.push(reason) })
          assert.lengthOf(reasons, 0)
        } catch (error) {
          assert.strictEqual((error as { readonly _tag?: string })._tag, "MaxBufferSizeExceeded")
          assert.lengthOf(reasons, 1)
        }
      }),
      { numRuns: 1_000 },
    )
  })

  it("are never thrown over when one byte of them is another", () => {
    fc.assert(
      fc.property(message, fc.nat(), fc.integer({ min: 1, max: 255 }), (one, place, change) => {
        const bytes = Buffer.from(parserOf().encode(one) as Uint8Array)
        bytes[place % bytes.length]! ^= change
        try {
          for (const read of fed(bytes, [7])) assert.isObject(read)
        } catch (error) {
          assert.strictEqual((error as { readonly _tag?: string })._tag, "MaxBufferSizeExceeded")
        }
      }),
      { numRuns: 1_000 },
    )
  })

  it("beyond the limit are refused by their length, before they come", () => {
    const reasons: Array<BrokenReason> = []
    const parser = parserOf({ bytesMost: 100, onBroken: (reason) => reasons.push(reason) })
    const length = Buffer.alloc(4)
    length.writeUInt32LE(101)
    assert.throws(() => parser.decode(length))
    assert.deepStrictEqual(reasons, ["too long"])
  })
})
