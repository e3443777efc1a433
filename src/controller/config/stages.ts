// Stages of a roll-out as people write them: "1" is a number of agents, "10%" a share of them. The last one is always all of them.

const stagesMost = 20
const all = "100%"

/** One line for each fault; empty: they can be used. */
export const stageProblems = (stages: ReadonlyArray<string>): ReadonlyArray<string> => {
  const problems: Array<string> = []
  if (stages.length > stagesMost)
    problems.push(`stages: expected at most ${stagesMost}, found ${stages.length}`)
  let percent = 0
  for (const stage of stages) {
    if (/^[1-9]\d{0,6}$/.test(stage)) continue
    const share = /^\d{1,3}(\.\d{1,3})?%$/.test(stage) ? Number(stage.slice(0, -1)) : 0
    if (share <= 0 || share > 100)
      problems.push(`stages: expected a number of agents ("1") or a share ("10%"), found "${stage}"`)
    else if (share <= percent)
      problems.push(`stages: expected shares that grow, found ${stage} after ${percent}%`)
    percent = Math.max(percent, share)
  }
  return problems
}

export const completeStages = (stages: ReadonlyArray<string>): ReadonlyArray<string> =>
  stages.at(-1) === all ? stages : [...stages, all]

export const isAll = (stage: string): boolean => stage === all

/** How many of `agents` a stage takes. */
export const agentsOf = (stage: string, agents: number): number =>
  stage.endsWith("%")
    ? Math.ceil((Number(stage.slice(0, -1)) / 100) * agents)
    : Math.min(Number(stage), agents)
