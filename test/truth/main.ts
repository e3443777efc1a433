// How true traces are: real programs under load, each call with its true request in its text, compared with the parents that Sonde
// says. Usage: node test/truth/main.ts [SCENARIO ...] [--clients 1,16,128] [--requests 1000] [--before 300] [--traces N]
// [--cases N] [--set KEY=VALUE] [--list] [--json].
// A scenario's name also stands for those that begin with it and a dash. `--before`: requests made
// at each concurrency that are not counted. `--traces`: looks at the assembled traces of so many requests
// of each run, too. `--cases`: prints so many calls that are not right.

import { argv, exit } from "node:process"
import { parseArgs } from "node:util"
import { Sonde } from "../system/support/Sonde.ts"
import { caseLines } from "./cases.ts"
import { Numbers, type Result, runScenario } from "./run.ts"
import { scenarios } from "./scenarios/scenarios.ts"
import { callLines, tableLines, traceLine } from "./table.ts"

const usage = (message: string): never => {
  console.error(message)
  return exit(2)
}

const { positionals: names, values } = parseArgs({
  args: argv.slice(2),
  allowPositionals: true,
  options: {
    clients: { type: "string", default: "1,16,128" },
    requests: { type: "string", default: "1000" },
    before: { type: "string", default: "300" },
    traces: { type: "string", default: "0" },
    cases: { type: "string", default: "0" },
    set: { type: "string", multiple: true, default: [] },
    list: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  },
})

const count = (text: string, least = 1): number =>
  /^\d{1,6}$/.test(text) && Number(text) >= least
    ? Number(text)
    : usage(`"${text}" is not a number from ${least} to 999999`)

const options = {
  concurrencies: values.clients.split(",").map((text) => count(text)),
  requests: count(values.requests),
  before: count(values.before, 0),
  traces: count(values.traces, 0),
}
const cases = count(values.cases, 0)
const isJson = values.json
const isWanted = (scenario: string): boolean =>
  names.length === 0 || names.some((name) => scenario === name || scenario.startsWith(`${name}-`))
const wanted = scenarios.filter(({ name }) => isWanted(name))
const unknown = names.find((name) => !scenarios.some((scenario) => scenario.name === name))
if (unknown !== undefined) usage(`no scenario is called "${unknown}"; --list names them`)

if (values.list) {
  for (const { about, lacks, name } of scenarios) {
    const lack = lacks()
    console.log(`${name.padEnd(14)} ${about}${lack === "" ? "" : ` (cannot run: ${lack})`}`)
  }
  exit(0)
}
if (process.getuid?.() !== 0) usage("capturing needs root")

// Children end with this process, when it ends by itself.
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => exit(130))

/** What is going on, for people beside the table. */
const say = (text: string, json: object): void =>
  isJson ? console.log(JSON.stringify(json)) : console.error(text)

const sonde = new Sonde({ set: values.set })
const results: Array<Result> = []
let failures = 0
try {
  await sonde.capturing(60)
  const numbers = new Numbers()
  for (const scenario of wanted) {
    const lack = scenario.lacks()
    if (lack !== "") {
      say(`${scenario.name}: not run: ${lack}`, { event: "notRun", scenario: scenario.name, lack })
      continue
    }
    try {
      await runScenario(sonde, scenario, options, numbers, (details) => {
        results.push(...details.results)
        if (isJson) for (const result of details.results) say("", { event: "result", ...result })
        else for (const line of callLines(details)) say(line, {})
        if (details.assembled !== undefined)
          say(traceLine(details.assembled), { event: "traces", ...details.assembled })
        for (const line of caseLines(details, cases))
          say(line, { event: "case", scenario: scenario.name, clients: details.concurrency, text: line })
      })
    } catch (error) {
      failures++
      say(`${scenario.name}: FAILED: ${(error as Error).message}`, {
        event: "failed",
        scenario: scenario.name,
        message: (error as Error).message,
      })
    }
  }
} finally {
  await sonde.stop()
}
if (!isJson) console.log(`\n${tableLines(results).join("\n")}`)
exit(failures === 0 ? 0 : 1)
