// Runs every benchmark, or those that are named, and writes bench/RESULTS.md. Usage: npm run bench [NAME ...]. Needs root and a machine with nothing else to do;
// takes about an hour.

import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { cpus, release, totalmem } from "node:os"
import { fileURLToPath } from "node:url"
import { chaos } from "./chaos.ts"
import { regionChaos } from "./regionChaos.ts"
import { fleet } from "./fleet.ts"
import { flowTable } from "./flowTable.ts"
import { ingest } from "./ingest.ts"
import { memoryAtRest } from "./memory.ts"
import { overhead } from "./overhead/overhead.ts"
import { packets } from "./packets.ts"
import { parsers } from "./parsers.ts"
import { placement } from "./placement.ts"
import { print, type Result } from "./Result.ts"
import { restarts } from "./restarts.ts"
import { ring } from "./ring.ts"
import { rowSize } from "./rowSize.ts"
import { scale } from "./scale.ts"
import { smartEncoding } from "./smartEncoding.ts"
import { start } from "./start.ts"
import { storms } from "./storms.ts"
import { traceSearch } from "./traceSearch.ts"

const file = fileURLToPath(new URL("RESULTS.md", import.meta.url))
const memoFile = fileURLToPath(new URL("results.json", import.meta.url))

const verdict = (isMet: boolean | undefined): string =>
  isMet === undefined ? "" : isMet ? "met" : "**not met**"

const machine = (): string => {
  const cores = cpus()
  return (
    `${cores.length} x ${cores[0]?.model.trim() ?? "unknown processor"}, ${Math.round(totalmem() / 2 ** 30)} GiB,` +
    ` Linux ${release()}, Node ${process.version}`
  )
}

/** What each benchmark said the last time it ran. */
type Memo = Record<
  string,
  { readonly date: string; readonly machine: string; readonly results: ReadonlyArray<Result> }
>

const document = (memo: Memo): string =>
  `${[
    "# Results of the benchmarks",
    "",
    "Written by `npm run bench` (all of them) or `npm run bench NAME`, which renews the rows of one. Ratios come from one run;",
    "absolute numbers hold for their machine only.",
    "",
    "| what | bar | measured | verdict | command |",
    "|---|---|---|---|---|",
    ...Object.values(memo).flatMap(({ results }) =>
      results.map(
        (result) =>
          `| ${result.what} | ${result.bar} | ${result.measured} | ${verdict(result.isMet)} | \`${result.command}\` |`,
      ),
    ),
    "",
    ...Object.entries(memo).map(([name, run]) => `- \`${name}\`: ${run.date}, ${run.machine}`),
  ].join("\n")}\n`

const runs = {
  start,
  memoryAtRest,
  ring,
  flowTable,
  overhead,
  packets,
  parsers,
  rowSize,
  ingest,
  smartEncoding,
  traceSearch,
  placement,
  scale,
  storms,
  restarts,
  fleet,
  chaos,
  regionChaos,
}
type RunName = keyof typeof runs

const isRunName = (name: string): name is RunName => name in runs

const asked = process.argv.slice(2)
const unknown = asked.filter((name) => !isRunName(name))
if (unknown.length > 0) {
  console.error(`there is no benchmark ${unknown.join(", ")}; there are ${Object.keys(runs).join(", ")}`)
  process.exit(1)
}

const known = existsSync(memoFile) ? (JSON.parse(readFileSync(memoFile, "utf8")) as Memo) : {}
for (const [name, run] of Object.entries(runs)) {
  if (asked.length > 0 && !asked.includes(name)) continue
  // One that cannot run here does not keep the others from it, nor from the page.
  const results = await run().catch((error: Error): ReadonlyArray<Result> => [
    {
      what: name,
      bar: "to run",
      measured: error.message.split("\n")[0]!,
      isMet: false,
      command: `npm run bench ${name}`,
    },
  ])
  for (const result of results) print(result)
  known[name] = { date: new Date().toISOString().slice(0, 10), machine: machine(), results }
  writeFileSync(memoFile, `${JSON.stringify(known, null, 2)}\n`)
  writeFileSync(file, document(known))
}
