// Chaos for a region at work: servers, etcd and agents are killed, stopped, cut off, filled and set to wrong times, and everything is
// well again within 10 s of each. Usage: node test/chaos/main.ts [ROUNDS] [SEED] [--only TEXT] [--keep] [--json]; TEXT is part of
// the names of the mishaps that are wanted, `--keep` leaves the logs of all processes.

import { argv, exit } from "node:process"
import { mishaps } from "./mishaps.ts"
import { chaos, type Round } from "./run.ts"

const numbers = argv.slice(2).filter((text) => /^\d+$/.test(text))
const [rounds = 100, seed = Math.floor(Date.now() / 1_000)] = numbers.map(Number)
const isJson = argv.includes("--json")
const only = argv.includes("--only") ? (argv[argv.indexOf("--only") + 1] ?? "") : ""
const kinds = Object.keys(mishaps).filter((name) => name.includes(only))
if (kinds.length === 0) {
  console.error(`no mishap is called "${only}"; there are: ${Object.keys(mishaps).join(", ")}`)
  exit(2)
}

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`

const lineOf = ({ detail, fault, healedMs, last, mishap, round }: Round): string => {
  const outcome =
    fault === "" ? `well after ${seconds(healedMs)}` : `WRONG, well after ${seconds(healedMs)}: ${fault}`
  return `${round}/${rounds} ${mishap} (${detail}): ${outcome}${healedMs > 2_000 && fault === "" ? `; last ${last}` : ""}`
}

// Children end with this process, when it ends by itself.
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => exit(130))

const say = (text: string, json: object): void => console.log(isJson ? JSON.stringify(json) : text)

say(`${rounds} rounds, seed ${seed}`, { event: "begins", rounds, seed })
const result = await chaos({
  rounds,
  seed,
  kinds,
  keepsLogs: argv.includes("--keep"),
  onRound: (round) => say(lineOf(round), { event: "round", ...round }),
})
const healed = result.rounds.map(({ healedMs }) => healedMs).toSorted((one, other) => one - other)
const isWell = result.faults.length === 0
say(
  [
    `healed: median ${seconds(healed[healed.length >> 1] ?? 0)}, most ${seconds(healed.at(-1) ?? 0)}`,
    `${result.acts} writes in the leader's name, ${result.takeOvers} times by another server than before`,
    `${result.batches} acknowledged batches found stored, ${result.doubledRows} rows stored twice`,
    ...(result.directory === "" ? [] : [`logs are in ${result.directory}`]),
    ...(isWell
      ? ["all invariants held"]
      : [
          ...result.faults.map((fault) => `FAULT: ${fault}`),
          `to repeat it: node test/chaos/main.ts ${rounds} ${seed}${only === "" ? "" : ` --only "${only}"`}`,
        ]),
  ].join("\n"),
  {
    event: "ends",
    seed,
    isWell,
    faults: result.faults,
    acts: result.acts,
    takeOvers: result.takeOvers,
    batches: result.batches,
    doubledRows: result.doubledRows,
    healedMs: { median: healed[healed.length >> 1], most: healed.at(-1) },
    directory: result.directory,
  },
)
exit(isWell ? 0 : 1)
