// The chaos suite of a region (test/chaos) as a row among the results.

import { chaos } from "../test/chaos/run.ts"
import type { Result } from "./Result.ts"

const rounds = 100

export const regionChaos = async (seed = Math.floor(Date.now() / 1_000)): Promise<ReadonlyArray<Result>> => {
  const result = await chaos({ rounds, seed })
  const healed = result.rounds.map(({ healedMs }) => healedMs / 1_000).toSorted((one, other) => one - other)
  const isMet = result.faults.length === 0
  return [
    {
      what: `${rounds} mishaps of 3 servers, 60 agents and 3 members of etcd (seed ${seed})`,
      bar: "one leader, each agent at one living server with the newest configuration, no acknowledged batch lost, within 10 s of each",
      measured: isMet
        ? `all; median ${healed[healed.length >> 1]!.toFixed(1)} s, most ${healed.at(-1)!.toFixed(1)} s; ` +
          `${result.acts} writes of leaders, ${result.batches.toLocaleString("en")} batches`
        : `${result.faults.length} not: ${result.faults.slice(0, 5).join("; ")}`,
      isMet,
      command: `node test/chaos/main.ts ${rounds} ${seed}`,
    },
  ]
}
