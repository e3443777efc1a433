import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import { type AgentGroup, type AgentTraits, groupOf, groupProblems, inOrder, matches } from "./AgentGroup.ts"

const group = (name: string, changes: Partial<AgentGroup> = {}): AgentGroup => ({
  name,
  description: "",
  priority: 0,
  agents: [],
  hosts: [],
  zones: [],
  capabilities: [],
  tags: [],
  ...changes,
})

const agent = (changes: Partial<AgentTraits> = {}): AgentTraits => ({
  id: "a1",
  host: "web-1.example",
  zone: "z1",
  region: "eu",
  version: "1.0.0",
  os: "Debian 12",
  arch: "x64",
  kernel: "6.1.0",
  capabilities: ["ebpf", "tls"],
  ...changes,
})

describe("groupOf", () => {
  it("is default where nothing fits, and for groups without members and rules", () => {
    assert.strictEqual(groupOf([], agent()), "default")
    assert.strictEqual(groupOf([group("empty")], agent()), "default")
  })

  it("takes what is named explicitly over any rule", () => {
    const groups = inOrder([
      group("rule", { priority: 100, hosts: ["*"] }),
      group("named", { priority: -1, agents: ["a1"] }),
    ])
    assert.strictEqual(groupOf(groups, agent()), "named")
    assert.strictEqual(groupOf(groups, agent({ id: "a2" })), "rule")
  })

  it("takes the higher priority, then the name, whatever the order of the list", () => {
    const groups = [
      group("b", { priority: 1, hosts: ["web-*"] }),
      group("a", { priority: 1, hosts: ["web-*"] }),
      group("c", { priority: 2, hosts: ["web-1*"], zones: ["z2"] }),
    ]
    fc.assert(
      fc.property(fc.shuffledSubarray(groups, { minLength: 3 }), (shuffled) => {
        assert.strictEqual(groupOf(inOrder(shuffled), agent()), "a")
        assert.strictEqual(groupOf(inOrder(shuffled), agent({ zone: "z2" })), "c")
      }),
    )
  })

  it("asks for something of each kind of rule, and for all capabilities and tags", () => {
    const one = [
      group("g", {
        hosts: ["db-*", "WEB-?.example"],
        capabilities: ["ebpf", "tls"],
        tags: ["arch=x64", "os=debian*"],
      }),
    ]
    assert.strictEqual(groupOf(one, agent()), "g")
    assert.strictEqual(groupOf(one, agent({ capabilities: ["ebpf"] })), "default")
    assert.strictEqual(groupOf(one, agent({ arch: "arm64" })), "default")
    assert.strictEqual(groupOf(one, agent({ host: "web-10.example" })), "default")
  })
})

describe("matches", () => {
  it("agrees with a regular expression", () => {
    const letters = fc.string({ unit: fc.constantFrom("a", "b", ".", "-"), maxLength: 12 })
    const globs = fc.string({ unit: fc.constantFrom("a", "b", ".", "*", "?"), maxLength: 8 })
    fc.assert(
      fc.property(globs, letters, (glob, text) => {
        const expression = new RegExp(
          `^${glob.replaceAll(".", "\\.").replaceAll("*", ".*").replaceAll("?", ".")}$`,
        )
        assert.strictEqual(matches(glob, text), expression.test(text))
      }),
      { numRuns: 2_000 },
    )
  })

  it("is not slow where a backtracking expression is", () => {
    assert.isFalse(matches(`${"*a".repeat(40)}b`, "a".repeat(5_000)))
  })
})

describe("groupProblems", () => {
  it("names what is wrong", () => {
    assert.deepStrictEqual(groupProblems(group("edge", { tags: ["os=*"], agents: ["a1"] })), [])
    const wrong = group("a/b", { agents: ["x y"], tags: ["color=red", "os"], priority: 1.5 })
    assert.deepStrictEqual(groupProblems(wrong), [
      'name: expected 1 to 64 letters, digits and . _ -, found "a/b"',
      "priority: expected an integer, found 1.5",
      'agents: expected ids of agents, found "x y"',
      'tags: expected KEY=VALUE with one of os, arch, kernel, version, region, found "color=red"',
      'tags: expected KEY=VALUE with one of os, arch, kernel, version, region, found "os"',
    ])
    assert.include(groupProblems(group("default"))[0]!, "expected another than default")
  })
})
