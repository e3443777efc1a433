// Calls that are not right, with what went on around them: enough to see why.

import type { RunDetails } from "./run.ts"
import type { SeenRow } from "./score.ts"

const rowLine = (row: SeenRow, fromUs: number): string =>
  `    ${String(row.startUs - fromUs).padStart(8)} .. ${String(row.endUs - fromUs).padStart(8)} us ${row.point} pid ${row.process}` +
  ` :${row.clientPort} -> :${row.port} ${row.text} links ${row.requestLink}, ${row.responseLink}`

/** The first `most` calls that are wrong, then orphans, then missing ones, each with the rows of its and of the claimed requests. */
export const caseLines = (
  { concurrency, judged, rows, scenario }: RunDetails,
  most: number,
): ReadonlyArray<string> => {
  const chosen = (["wrong", "orphan", "missing"] as const).flatMap((kind) =>
    judged.filter(({ verdict }) => verdict === kind).slice(0, most),
  )
  return chosen.slice(0, most).flatMap(({ call, claimed, hop, request, row, verdict }) => {
    const around = rows.filter((one) => one.request === request || claimed.slice(0, 8).includes(one.request))
    const fromUs = Math.min(...around.map(({ startUs }) => startUs))
    return [
      `  ${scenario} at ${concurrency}: ${verdict}: ${hop}'s call to ${call} for request ${request}` +
        `${claimed.length > 0 ? `, said to be of ${claimed.slice(0, 8).join(", ")}` : ""}` +
        `${row === undefined ? "" : `; row ${row.id}`}`,
      ...around.map((one) => rowLine(one, fromUs)),
    ]
  })
}
