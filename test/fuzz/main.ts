// The long run: every parser, or those named, takes hostile inputs. Prints a table, and each fault with the input that makes it.
// Usage: node test/fuzz/main.ts [--inputs 10000000] [--seed 1] [PROTOCOL ...]

import { Buffer } from "node:buffer"
import { parseArgs, styleText } from "node:util"
import { makeProtocols } from "../../src/agent/protocol/protocols.ts"
import { table } from "../../src/cli/output.ts"
import { fuzzProtocol, maxConnectionBytes, maxHeapGrowth } from "./fuzzProtocol.ts"
import { hasCaptures, readSeeds } from "./seeds.ts"

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    inputs: { type: "string", default: "10000000" },
    seed: { type: "string", default: "1" },
  },
})
const inputs = Number(values.inputs)
const seed = Number(values.seed)
const wanted = positionals.map((name) => name.toLowerCase())
const protocols = makeProtocols({ maskLiterals: true })
const known = protocols.map(({ name }) => name.toLowerCase())
const unknown = wanted.filter((name) => !known.includes(name))
if (unknown.length > 0 || !(inputs > 0) || !Number.isSafeInteger(seed)) {
  console.error(
    unknown.length > 0
      ? `no protocol ${unknown.join(", ")}: there are ${[...new Set(known)].join(", ")}`
      : "--inputs wants a number above 0, --seed an integer",
  )
  process.exit(2)
}
if (!hasCaptures) console.warn("without the conformance captures: mutating the recordings alone")

const seeds = await readSeeds(protocols)
const everything = [...seeds.values()].flat()
const mebibytes = (bytes: number): string => (bytes / 1_048_576).toFixed(1)
const rows: Array<ReadonlyArray<string>> = []
let isBad = false

for (const [index, protocol] of protocols.entries()) {
  if (wanted.length > 0 && !wanted.includes(protocol.name.toLowerCase())) continue
  const own = seeds.get(protocol) ?? []
  const begunMs = performance.now()
  const outcome = await fuzzProtocol(
    protocol,
    own.length > 0 ? own : everything,
    inputs,
    seed + index,
    (done) => {
      if (process.stderr.isTTY)
        process.stderr.write(`\r\x1b[K${protocol.name} ${Math.floor((100 * done) / inputs)} %`)
    },
  )
  if (process.stderr.isTTY) process.stderr.write("\r\x1b[K")
  const seconds = (performance.now() - begunMs) / 1_000
  for (const { input, seed: from, what } of outcome.faults) {
    console.log(styleText("red", `${protocol.name}: ${what}`))
    console.log(`  input of seed ${from}:`)
    for (const { bytes, direction, missing } of input)
      console.log(`  ${direction} missing ${missing ?? 0} ${Buffer.from(bytes).toString("base64")}`)
  }
  const isFine =
    outcome.faults.length === 0 &&
    outcome.heapGrowth <= maxHeapGrowth &&
    outcome.connectionBytes <= maxConnectionBytes
  if (!isFine) isBad = true
  const row = [
    protocol.name,
    own.length > 0 ? `${own.length}` : "of others",
    `${outcome.inputs}`,
    `${outcome.messages}`,
    `${outcome.faults.length}`,
    outcome.longestMs.toFixed(1),
    mebibytes(outcome.heapGrowth),
    mebibytes(outcome.connectionBytes),
    seconds.toFixed(0),
    isFine ? styleText("green", "fine") : styleText("red", "not fine"),
  ]
  rows.push(row)
  // The table comes at the end, which may be an hour away.
  if (!process.stdout.isTTY) console.error(row.join(" "))
}
console.log(
  table(
    [
      "PROTOCOL",
      "SEEDS",
      "INPUTS",
      "MESSAGES",
      "FAULTS",
      "LONGEST ms",
      "HEAP MiB",
      "CONNECTION MiB",
      "SECONDS",
      "",
    ],
    rows,
  ),
)
process.exit(isBad ? 1 : 0)
