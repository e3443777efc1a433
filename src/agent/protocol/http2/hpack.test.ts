import * as fc from "fast-check"
import { Buffer } from "node:buffer"
import { describe, expect, it } from "vitest"
import { maxTableBytes } from "./DynamicTable.ts"
import { Content, HeaderFields } from "./HeaderFields.ts"
import { Block, HpackDecoder, maxBlock } from "./HpackDecoder.ts"

const decode = (decoder: HpackDecoder, hex: string, isCut = false) => {
  const fields = new HeaderFields()
  const bytes = Buffer.from(hex, "hex")
  const found = decoder.decode(bytes, 0, bytes.length, isCut, fields)
  return { fields, found }
}

describe("the examples of RFC 7541, appendix C", () => {
  const requests = {
    plain: [
      "828684410f7777772e6578616d706c652e636f6d",
      "828684be58086e6f2d6361636865",
      "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565",
    ],
    huffman: [
      "828684418cf1e3c2e5f23a6ba0ab90f4ff",
      "828684be5886a8eb10649cbf",
      "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
    ],
  }
  for (const [name, blocks] of Object.entries(requests)) {
    it(`requests, ${name}`, () => {
      const decoder = new HpackDecoder()
      const paths = ["/", "/", "/index.html"]
      const sizes = [57, 110, 164]
      blocks.forEach((block, i) => {
        const { fields, found } = decode(decoder, block)
        expect(found).toBe(Block.whole)
        expect(fields).toMatchObject({
          method: "GET",
          path: paths[i],
          authority: "www.example.com",
          unknownFields: 0,
        })
        expect(decoder.table.bytes).toBe(sizes[i])
      })
    })
  }

  const responses = {
    plain: [
      "4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d54" +
        "6e1768747470733a2f2f7777772e6578616d706c652e636f6d",
      "4803333037c1c0bf",
      "88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d4153444a4b48514b425a584f" +
        "5157454f50495541585157454f49553b206d61782d6167653d333630303b2076657273696f6e3d31",
    ],
    huffman: [
      "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3",
      "4883640effc1c0bf",
      "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1" +
        "ab270fb5291f9587316065c003ed4ee5b1063d5007",
    ],
  }
  for (const [name, blocks] of Object.entries(responses)) {
    it(`responses with eviction, ${name}`, () => {
      const decoder = new HpackDecoder()
      decoder.table.resize(256)
      const codes = [302, 307, 200]
      const sizes = [222, 222, 215]
      blocks.forEach((block, i) => {
        const { fields, found } = decode(decoder, block)
        expect(found).toBe(Block.whole)
        expect(fields.status).toBe(codes[i])
        expect(decoder.table.bytes).toBe(sizes[i])
      })
    })
  }
})

describe("the table", () => {
  it("knows what was inserted since it was joined, and nothing older", () => {
    const decoder = new HpackDecoder()
    // An entry from before, then content-type: application/grpc inserted, then both.
    expect(decode(decoder, "88be").fields).toMatchObject({ status: 200, unknownFields: 1 })
    decode(decoder, `5f10${Buffer.from("application/grpc").toString("hex")}`)
    const both = decode(decoder, "bebf").fields
    expect(both).toMatchObject({ content: Content.grpc, unknownFields: 1 })
  })

  it("keeps the name of an inserted field, and none of an unknown one", () => {
    const decoder = new HpackDecoder()
    decode(decoder, `5f10${Buffer.from("application/grpc").toString("hex")}`)
    expect(decode(decoder, `7e09${Buffer.from("text/html").toString("hex")}`).fields.content).toBe(
      Content.other,
    )
    expect(decode(decoder, `7f0509${Buffer.from("text/html").toString("hex")}`).fields).toMatchObject({
      content: Content.unknown,
      unknownFields: 1,
    })
    expect(decode(decoder, "be").fields.unknownFields).toBe(1)
    expect(decode(decoder, "bf").fields.content).toBe(Content.other)
  })

  it("is forgotten after a block that was cut or is broken", () => {
    const insert = `5f10${Buffer.from("application/grpc").toString("hex")}`
    for (const [block, isCut] of [
      ["8241", true],
      ["80", false],
      ["8240", false],
      ["7fffffffffffff01", false],
      ["408200", false],
    ] as const) {
      const decoder = new HpackDecoder()
      decode(decoder, insert)
      expect(decode(decoder, block, isCut).found).toBe(isCut ? Block.cut : Block.broken)
      expect(decoder.table.count).toBe(0)
      expect(decode(decoder, "be").fields.unknownFields).toBe(1)
    }
  })

  it("is bounded whatever size it is told, and empty at size 0", () => {
    const decoder = new HpackDecoder()
    decode(decoder, "3fe1ffff7f")
    const entry = Buffer.concat([
      Buffer.from([0x5f, 0x7f, 0xe1, 0x06]),
      Buffer.alloc(127 + 97 + 768, 97),
    ]).toString("hex")
    for (let i = 0; i < 40; i++) expect(decode(decoder, entry).found).toBe(Block.whole)
    expect(decoder.table.bytes).toBeLessThanOrEqual(maxTableBytes)
    expect(decoder.table.count).toBeGreaterThan(10)
    decode(decoder, "20")
    expect(decoder.table).toMatchObject({ bytes: 0, count: 0 })
  })
})

it("any bytes end in bounds", () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 20 }),
      fc.boolean(),
      (blocks, isCut) => {
        const decoder = new HpackDecoder()
        for (const bytes of blocks) decoder.decode(bytes, 0, bytes.length, isCut, new HeaderFields())
        expect(decoder.table.bytes).toBeLessThanOrEqual(maxTableBytes)
      },
    ),
    { numRuns: 500 },
  )
  const long = new Uint8Array(maxBlock).fill(0xff)
  expect(new HpackDecoder().decode(long, 0, long.length, false, new HeaderFields())).toBe(Block.broken)
})
