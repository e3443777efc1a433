// Runs every benchmark and writes bench/RESULTS.md. Usage: npm run bench. Needs root and a machine with nothing else to do;
// takes about twenty minutes.

import { writeFileSync } from "node:fs"
import { cpus, release, totalmem } from "node:os"
import { fileURLToPath } from "node:url"
import { ingest } from "./ingest.ts"
import { memoryAtRest } from "./memory.ts"
import { overhead } from "./overhead.ts"
import { print, type Result } from "./Result.ts"
import { ring } from "./ring.ts"
import { rowSize } from "./rowSize.ts"
import { smartEncoding } from "./smartEncoding.ts"
import { start } from "./start.ts"

const file = fileURLToPath(new URL("RESULTS.md", import.meta.url))

const verdict = (isMet: boolean | undefined): string =>
  isMet === undefined ? "" : isMet ? "met" : "**not met**"

const machine = (): string => {
  const cores = cpus()
  return (
    `${cores.length} x ${cores[0]?.model.trim() ?? "unknown processor"}, ${Math.round(totalmem() / 2 ** 30)} GiB,` +
    ` Linux ${release()}, Node ${process.version}`
  )
}

const document = (results: ReadonlyArray<Result>): string =>
  `${[
    "# Results of the benchmarks",
    "",
    `Written by \`npm run bench\` on ${new Date().toISOString().slice(0, 10)}. Machine: ${machine()}.`,
    "Ratios come from interleaved pairs within one run; absolute numbers hold for this machine only.",
    "",
    "| what | bar | measured | verdict | command |",
    "|---|---|---|---|---|",
    ...results.map(
      (result) =>
        `| ${result.what} | ${result.bar} | ${result.measured} | ${verdict(result.isMet)} | \`${result.command}\` |`,
    ),
  ].join("\n")}\n`

const results: Array<Result> = []
for (const run of [start, memoryAtRest, ring, overhead, rowSize, ingest, smartEncoding]) {
  // One that cannot run here does not keep the others from it, nor from the page.
  const found = await run().catch((error: Error): ReadonlyArray<Result> => [
    {
      what: run.name,
      bar: "to run",
      measured: error.message.split("\n")[0]!,
      isMet: false,
      command: "npm run bench",
    },
  ])
  for (const result of found) {
    results.push(result)
    print(result)
  }
}
writeFileSync(file, document(results))
