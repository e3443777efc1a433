import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import {
  defaultRules,
  isIncluded,
  pauseRollout,
  resumeRollout,
  type Rollout,
  type RolloutAgent,
  startRollout,
  stepRollout,
} from "./rolloutState.ts"
import { everyone, stableHash } from "./stableHash.ts"
import { completeStages, stageProblems } from "./stages.ts"

const agentsNamed = (count: number): Array<RolloutAgent> =>
  Array.from({ length: count }, (_, index) => ({
    id: `agent-${index}`,
    hash: stableHash(`agent-${index}`),
    isConnected: true,
    firstSeenMs: 0,
    isApplied: false,
    problem: "",
    about: "config",
    exceptions: [],
  }))

const change = (stages: ReadonlyArray<string>) => ({
  ref: { layer: "default" as const, name: "-" },
  from: 1,
  to: 2,
  author: "ann",
  stages,
  rules: defaultRules,
})

const included = (rollout: Rollout, agents: ReadonlyArray<RolloutAgent>) =>
  agents.filter(({ hash }) => isIncluded(rollout, hash)).length

/** The next record; fails when the step is another. */
const changed = (rollout: Rollout, agents: ReadonlyArray<RolloutAgent>, nowMs: number): Rollout => {
  const decision = stepRollout(rollout, agents, nowMs)
  if (decision.kind !== "change") throw new Error(JSON.stringify(decision))
  return decision.rollout
}

const applied = (agents: ReadonlyArray<RolloutAgent>, rollout: Rollout): Array<RolloutAgent> =>
  agents.map((agent) => ({ ...agent, isApplied: isIncluded(rollout, agent.hash) }))

describe("a roll-out", () => {
  it("goes from one agent over a tenth to all, each stage once it was quiet for long enough", () => {
    const agents = agentsNamed(50)
    let rollout = startRollout(change(["1", "10%"]), agents, 0)
    assert.deepStrictEqual(rollout.stages, ["1", "10%", "100%"])
    for (const [stage, size] of [1, 5, 50].entries()) {
      assert.strictEqual(rollout.stage, stage)
      assert.strictEqual(included(rollout, agents), size)
      const startMs = rollout.stageMs
      assert.strictEqual(stepRollout(rollout, agents, startMs + 1).kind, "wait")
      rollout = changed(rollout, applied(agents, rollout), startMs + 5_000)
      assert.strictEqual(rollout.appliedMs, startMs + 5_000)
      assert.strictEqual(stepRollout(rollout, applied(agents, rollout), startMs + 64_999).kind, "wait")
      rollout = changed(rollout, applied(agents, rollout), startMs + 65_000)
    }
    assert.strictEqual(rollout.state, "done")
    assert.strictEqual(included(rollout, agents), 50)
    assert.strictEqual(stepRollout(rollout, agents, 1e9).kind, "wait")
  })

  it("goes back when an agent cannot use the configuration, and says which and why", () => {
    const agents = agentsNamed(20)
    const rollout = startRollout(change(["1"]), agents, 0)
    const first = agents.find(({ hash }) => hash < rollout.threshold)!
    const sick = agents.map((agent) => (agent === first ? { ...agent, problem: "no ring" } : agent))
    assert.deepStrictEqual(stepRollout(rollout, sick, 10), {
      kind: "roll back",
      reason: `stage 1: 1 of 1 agents have trouble (${first.id}: config: no ring)`,
    })
    // That of an agent whose turn it is not is none of its business.
    const other = agents.map((agent) => (agent === first ? agent : { ...agent, problem: "no ring" }))
    assert.strictEqual(stepRollout(rollout, other, 10).kind, "wait")
  })

  it("counts exceptions of agents with the new version, not those there were before", () => {
    const agents = agentsNamed(4).map((agent) => ({ ...agent, exceptions: ["not delivering"] }))
    const rollout = startRollout(change([]), agents, 0)
    assert.strictEqual(stepRollout(rollout, applied(agents, rollout), 10).kind, "change")
    const worse = (isApplied: boolean) =>
      agents.map((agent) => ({ ...agent, isApplied, exceptions: ["not delivering", "no capture"] }))
    assert.strictEqual(stepRollout(rollout, worse(false), 10).kind, "wait")
    const decision = stepRollout(rollout, worse(true), 10)
    assert.include(decision.kind === "roll back" ? decision.reason : "", "4 of 4 agents have trouble")
    assert.include(decision.kind === "roll back" ? decision.reason : "", ": no capture;")
  })

  it("lets a small share have trouble", () => {
    const agents = agentsNamed(100)
    const rollout = startRollout(change([]), agents, 0)
    const sick = (count: number) =>
      applied(agents, rollout).map((agent, index) =>
        index < count ? { ...agent, exceptions: ["x"] } : agent,
      )
    assert.strictEqual(stepRollout(rollout, sick(2), 10).kind, "change")
    assert.strictEqual(stepRollout(rollout, sick(3), 10).kind, "roll back")
  })

  it("goes back when too many agents stay away, not when they come back or were away before", () => {
    const agents = agentsNamed(10)
    const gone = (count: number) =>
      agents.map((agent, index) => ({ ...agent, isApplied: true, isConnected: index >= count }))
    const rollout = startRollout(change([]), gone(5), 0)
    assert.strictEqual(rollout.connected, 5)
    const all = startRollout(change([]), agents, 0)
    assert.strictEqual(changed(all, gone(1), 10).lostSinceMs, 0)
    const losing = changed(all, gone(2), 10)
    assert.strictEqual(losing.lostSinceMs, 10)
    assert.strictEqual(changed(losing, gone(0), 20).lostSinceMs, 0)
    assert.deepStrictEqual(stepRollout(losing, gone(2), 30_010), {
      kind: "roll back",
      reason: "stage 100%: 2 of 10 agents are gone, more than 10 %",
    })
  })

  it("does not go on while agents are away", () => {
    const agents = agentsNamed(10)
    let rollout = startRollout(change(["50%"]), agents, 0)
    rollout = changed(rollout, applied(agents, rollout), 10)
    const away = applied(agents, rollout).map((agent) => ({ ...agent, isConnected: false }))
    const losing = changed(rollout, away, 60_009)
    assert.strictEqual(stepRollout(losing, away, 60_010).kind, "wait")
  })

  it("goes back when agents do not take it in time, unless they are few", () => {
    const agents = agentsNamed(100)
    const rollout = startRollout(change([]), agents, 0)
    const late = (count: number) => agents.map((agent, index) => ({ ...agent, isApplied: index >= count }))
    assert.strictEqual(stepRollout(rollout, late(3), 599_999).kind, "wait")
    assert.deepStrictEqual(stepRollout(rollout, late(3), 600_000), {
      kind: "roll back",
      reason: "stage 100%: 97 of 100 agents had the new version after 600 s",
    })
    assert.strictEqual(changed(rollout, late(2), 600_000).appliedMs, 600_000)
  })

  it("rests while it is paused, but goes back all the same when there is trouble", () => {
    const agents = agentsNamed(10)
    let rollout = startRollout(change(["50%"]), agents, 0)
    rollout = changed(rollout, applied(agents, rollout), 10)
    const paused = pauseRollout(rollout, "bob", 1_000)
    assert.strictEqual(included(paused, agents), 5)
    assert.strictEqual(stepRollout(paused, applied(agents, paused), 1e9).kind, "wait")
    const sick = applied(agents, paused).map((agent) => ({ ...agent, exceptions: ["x"] }))
    assert.strictEqual(stepRollout(paused, sick, 2_000).kind, "roll back")
    const resumed = resumeRollout(paused, 101_000)
    assert.strictEqual(resumed.appliedMs, 100_010)
    assert.strictEqual(stepRollout(resumed, applied(agents, resumed), 160_009).kind, "wait")
    assert.strictEqual(changed(resumed, applied(agents, resumed), 160_010).stage, 1)
  })

  it("goes on by itself where no agent is connected", () => {
    let rollout = startRollout(change(["1"]), [], 0)
    assert.strictEqual(rollout.threshold, 0)
    for (let nowMs = 0; rollout.state === "running" && nowMs < 1e6; nowMs += 1_000) {
      const decision = stepRollout(rollout, [], nowMs)
      if (decision.kind === "change") rollout = decision.rollout
    }
    assert.strictEqual(rollout.state, "done")
  })

  it("never takes an agent out again, never lets a bad version past its stage, and always ends", () => {
    const scenario = fc.record({
      count: fc.integer({ min: 1, max: 40 }),
      stages: fc.subarray(["1", "3", "10%", "50%"]),
      bad: fc.array(fc.nat(39), { maxLength: 3 }),
      away: fc.array(fc.nat(39), { maxLength: 5 }),
      slow: fc.nat(20),
    })
    fc.assert(
      fc.property(scenario, ({ away, bad, count, slow, stages }) => {
        const base = agentsNamed(count).map((agent, index) => ({
          ...agent,
          isConnected: !away.includes(index),
        }))
        const isBad = (id: string) => bad.some((index) => id === `agent-${index}`)
        let rollout = startRollout(change(stages), base, 0)
        for (let step = 0; ; step++) {
          if (step > 10_000) throw new Error("it never ends")
          const nowMs = step * 1_000
          const agents = base.map((agent) => {
            const has =
              agent.isConnected && isIncluded(rollout, agent.hash) && nowMs - rollout.stageMs > slow * 1_000
            return has && isBad(agent.id) ? { ...agent, problem: "bad" } : { ...agent, isApplied: has }
          })
          const decision = stepRollout(rollout, agents, nowMs)
          if (decision.kind === "roll back") {
            assert.isTrue(bad.length > 0)
            return
          }
          if (decision.kind === "wait") continue
          const next = decision.rollout
          assert.isAtLeast(next.threshold, rollout.threshold)
          if (next.stage > rollout.stage || next.state === "done") {
            const passed = base.filter(
              ({ hash, id, isConnected }) => isConnected && hash < rollout.threshold && isBad(id),
            )
            assert.isAtMost(passed.length, defaultRules.troubledShareMost * count)
          }
          rollout = next
          if (rollout.state === "done") break
        }
        assert.strictEqual(rollout.threshold, everyone)
      }),
    )
  })
})

describe("stages", () => {
  it("end with all agents", () => {
    assert.deepStrictEqual(completeStages([]), ["100%"])
    assert.deepStrictEqual(completeStages(["5", "100%"]), ["5", "100%"])
  })

  it("are numbers or growing shares", () => {
    assert.deepStrictEqual(stageProblems(["1", "10%", "33.3%", "100%"]), [])
    assert.strictEqual(stageProblems(["0"]).length, 1)
    assert.strictEqual(stageProblems(["half", "0%", "101%", "-1", ""]).length, 5)
    assert.deepStrictEqual(stageProblems(["50%", "10%"]), [
      "stages: expected shares that grow, found 10% after 50%",
    ])
  })
})

describe("stableHash", () => {
  it("spreads agents evenly, and never changes", () => {
    assert.strictEqual(stableHash("agent-0"), stableHash("agent-0"))
    const shares = new Array<number>(10).fill(0)
    for (const { hash } of agentsNamed(10_000)) shares[Math.floor((hash / everyone) * 10)]!++
    for (const share of shares) assert.closeTo(share, 1_000, 150)
  })
})
