// Bytes and time a row of the columnar body against JSON, in one run: `node src/wire/columns.bench.ts`.
// CPU time (user and system), least of some repetitions: ratios are what to quote.

import { constants, zstdCompressSync } from "node:zlib"
import { ColumnEncoder } from "./ColumnEncoder.ts"
import { decodeBody } from "./decodeBody.ts"
import { sampleBatch } from "./sampleBatch.ts"

const rows = 1000
const batch = sampleBatch(rows)
const objects = Array.from({ length: rows }, (_, row) =>
  Object.fromEntries(
    Object.entries(batch.columns).map(([name, data]) => [
      name,
      name.startsWith("ip_") ? "10.0.0.1" : (data as ReadonlyArray<unknown>)[row],
    ]),
  ),
)

const nsPerRow = (work: () => unknown): number => {
  let least = Infinity
  for (let round = 0; round < 15; round++) {
    const before = process.cpuUsage()
    for (let run = 0; run < 20; run++) work()
    const { user, system } = process.cpuUsage(before)
    least = Math.min(least, ((user + system) * 1000) / (20 * rows))
  }
  return Math.round(least)
}

const zstd1 = (bytes: Uint8Array): Buffer =>
  zstdCompressSync(bytes, {
    chunkSize: bytes.length + 1024,
    params: { [constants.ZSTD_c_compressionLevel]: 1 },
  })

const encoder = new ColumnEncoder()
const { body } = encoder.encode(batch)[0]
const json = Buffer.from(JSON.stringify(objects))
console.table({
  columns: {
    "encode ns/row": nsPerRow(() => encoder.encode(batch)),
    "decode ns/row": nsPerRow(() => decodeBody("l7", body)),
    "bytes/row": Math.round(body.length / rows),
    "zstd-1 bytes/row": Math.round(zstd1(body).length / rows),
    "zstd-1 ns/row": nsPerRow(() => zstd1(body)),
  },
  JSON: {
    "encode ns/row": nsPerRow(() => Buffer.from(JSON.stringify(objects))),
    "decode ns/row": nsPerRow(() => JSON.parse(json.toString())),
    "bytes/row": Math.round(json.length / rows),
    "zstd-1 bytes/row": Math.round(zstd1(json).length / rows),
    "zstd-1 ns/row": nsPerRow(() => zstd1(json)),
  },
})
