import { describe, expect, it } from "vitest"
import { HostClaim, otherAgentText } from "./HostClaim.ts"

/** A host: who holds the name, and which kernel programs of agents are loaded; undefined: they may not be listed. */
const host = (state: {
  name?: readonly [pid: number, uid: number, said: string]
  programs?: ReadonlyArray<number> | undefined
}) => ({
  claimName: () => {
    if (state.name !== undefined) throw Object.assign(new Error("taken"), { code: "EADDRINUSE" })
    // Nobody can connect to it: a test needs no server.
    throw Object.assign(new Error("no sockets here"), { code: "EPERM" })
  },
  askName: (): [number, number, string] => {
    if (state.name === undefined) throw Object.assign(new Error("nobody"), { code: "ECONNREFUSED" })
    const [pid, uid, said] = state.name
    return [pid, uid, said]
  },
  programIds: () => {
    if (!("programs" in state) || state.programs === undefined)
      throw Object.assign(new Error("not allowed"), { code: "EPERM" })
    return [...state.programs]
  },
})

const claimOf = (state: Parameters<typeof host>[0], own: ReadonlyArray<number> = []) =>
  new HostClaim({ addon: host(state), data: "/var/lib/one", ownPrograms: () => new Set(own) })

/** Twice, a second apart, as programs must be seen. */
const look = (claim: HostClaim, atMs = 0) => {
  claim.look(atMs, true)
  return claim.look(atMs + 1_000, true)
}

describe("HostClaim", () => {
  it("waits for who holds the name, and says who that is", () => {
    const state: Parameters<typeof host>[0] = { name: [77, 0, '{"data":"/var/lib/two"}'], programs: [] }
    const claim = claimOf(state)
    const other = claim.look(0, true)
    expect(other).toEqual({ pid: 77, data: "/var/lib/two" })
    expect(otherAgentText(other!)).toBe(
      "another agent captures on this host (pid 77, data directory /var/lib/two)",
    )
    delete state.name
    expect(claim.look(1_000, true)).toBeUndefined()
  })

  it("does not believe a user without rights who holds the name, unless kernel programs are loaded", () => {
    const state = { name: [77, 4_242, "nonsense"] as const, programs: [] as Array<number> }
    const claim = claimOf(state)
    expect(look(claim)).toBeUndefined()
    state.programs = [5]
    expect(look(claim, 60_000)).toEqual({ pid: 77, data: "" })
  })

  it("waits for kernel programs of another namespace, until they are gone for a while", () => {
    const state = { programs: [5, 6] }
    const claim = claimOf(state)
    expect(claim.look(0, true)).toBeUndefined()
    expect(claim.isUncertain).toBe(true)
    expect(claim.look(250, true)).toEqual({ pid: 0, data: "" })
    // The other one starts its capture anew.
    state.programs = []
    expect(claim.look(1_000, true)).toBeDefined()
    state.programs = [8]
    expect(claim.look(2_000, true)).toBeDefined()
    expect(claim.look(3_000, true)).toBeDefined()
    state.programs = []
    expect(claim.look(4_000, true)).toBeDefined()
    expect(claim.look(5_000, true)).toBeUndefined()
  })

  it("is not stopped by programs of a process that has just ended, nor by others when it takes packets", () => {
    const state = { programs: [5] }
    const claim = claimOf(state)
    claim.look(0, true)
    state.programs = []
    expect(claim.look(250, true)).toBeUndefined()
    state.programs = [5]
    const packets = claimOf(state)
    packets.look(0, false)
    expect(packets.look(1_000, false)).toBeUndefined()
  })

  it("of two that began together the one whose programs are older goes on; later nobody gives way", () => {
    const others = { programs: [] as Array<number> }
    const first = claimOf(others, [10, 11])
    const second = claimOf(others, [20, 21])
    expect(first.look(0, true) ?? second.look(0, true)).toBeUndefined()
    others.programs = [10, 11, 20, 21]
    expect(look(first, 1_000)).toBeUndefined()
    expect(look(second, 1_000)).toEqual({ pid: 0, data: "" })
    const settled = claimOf({ programs: others.programs }, [20, 21])
    others.programs = []
    const state = { programs: [] as Array<number> }
    const late = claimOf(state, [20])
    late.look(0, true)
    state.programs = [10, 20]
    expect(look(late, 31_000)).toBeUndefined()
    expect(settled.other).toBeUndefined()
  })

  it("captures where programs may not be listed", () => {
    expect(look(claimOf({}))).toBeUndefined()
  })
})
