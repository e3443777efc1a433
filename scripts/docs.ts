// Writes the documents that are generated from values in the code: docs/configuration.md and docs/specs/tables.md.
// `--check` writes nothing and fails when one of them is out of date.

import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { configKeys } from "../src/runtime/configKeys.ts"
import { databases } from "../src/tables/databases.ts"
import { printTablesDocument } from "../src/tables/document.ts"

const value = (one: unknown): string => (one === "" ? "(empty)" : `\`${JSON.stringify(one)}\``)

const configuration = (): string => {
  const lines = [
    "# Configuration",
    "",
    "Generated from `src/runtime/configSchema.ts`; do not edit. `sonde config schema` prints the same as JSON Schema,",
    "`sonde config show` what is in force. A later source wins over an earlier one: defaults, `sonde.yaml` (or `--config FILE`),",
    "environment, flags (`--set key=value`). Every problem is told with key, value and what was expected.",
    "",
    "*Change*: what a server may set for agents (docs/agent-configuration.md), and what a running agent does then. `hot`: takes the",
    "new value at once; `restart`: starts what depends on it anew, within its process.",
    "",
    "| key | environment | default | allowed | change | meaning |",
    "|---|---|---|---|---|---|",
  ]
  for (const key of configKeys) {
    const allowed =
      key.choices !== undefined
        ? key.choices.map((choice) => `\`${choice}\``).join(", ")
        : key.type === "array"
          ? `list of ${key.itemChoices?.map((choice) => `\`${choice}\``).join(", ") ?? key.itemsAre ?? `${key.items}s`}${key.minimum === undefined ? "" : `, ${key.minimum} to ${key.maximum}`}`
          : key.minimum !== undefined
            ? `${key.minimum} to ${key.maximum}`
            : key.type
    lines.push(
      `| \`${key.path}\` | \`${key.variable}\` | ${value(key.default)} | ${allowed} | ${key.change ?? ""} | ${key.description} |`,
    )
  }
  return `${lines.join("\n")}\n`
}

const documents: ReadonlyArray<readonly [path: string, content: string]> = [
  ["docs/configuration.md", configuration()],
  ["docs/specs/tables.md", printTablesDocument(databases)],
]

let stale = false
for (const [path, content] of documents) {
  const current = existsSync(path) ? readFileSync(path, "utf8") : ""
  if (current === content) continue
  if (process.argv.includes("--check")) {
    stale = true
    process.stderr.write(`${path} is out of date; run: npm run docs\n`)
  } else {
    writeFileSync(path, content)
    process.stdout.write(`wrote ${path}\n`)
  }
}
if (stale) process.exitCode = 1
