import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { valueProblems } from "./agentValues.ts"
import { type FilteredProcess, filterRulePattern, FilterRules } from "./filterRules.ts"

const process: FilteredProcess = {
  pid: 42,
  comm: "nginx",
  exe: "/usr/sbin/nginx",
  cgroups: ["/", "/system.slice/nginx.service"],
  container: ["0123456789abcdef".repeat(4), "web", "shop/cart-0/web"],
  netns: 4_026_531_840,
}

const includes = (include: ReadonlyArray<string>, exclude: ReadonlyArray<string> = []): boolean =>
  new FilterRules(include, exclude).includes(process)

describe("rules", () => {
  it.each([
    ["pid=42", "pid=43"],
    ["comm=nginx", "comm=ngin"],
    ["comm=*gin*", "comm=*ginx?"],
    ["exe=/usr/sbin/*", "exe=/usr/bin/*"],
    ["exe=*/nginx", "exe=/nginx"],
    ["cgroup=/system.slice/*", "cgroup=/user.slice/*"],
    ["container=01234567", "container=11234567"],
    ["container=web", "container=we"],
    ["container=shop/*", "container=bank/*"],
    ["netns=4026531840", "netns=4026531841"],
  ])("%s matches, %s does not", (yes, no) => {
    expect([includes([yes]), includes([no]), includes([], [yes]), includes([], [no])]).toEqual([
      true,
      false,
      false,
      true,
    ])
  })

  it("want one match of each kind that is included, and none that is excluded", () => {
    expect(includes(["comm=redis", "comm=nginx"])).toBe(true)
    expect(includes(["comm=nginx", "pid=43"])).toBe(false)
    expect(includes(["comm=nginx", "pid=42"])).toBe(true)
    expect(includes(["comm=nginx"], ["pid=42"])).toBe(false)
    expect(includes([])).toBe(true)
  })

  it("leave out a process of which is not known what they ask", () => {
    const gone = {
      pid: 7,
      comm: "sh",
      exe: undefined,
      cgroups: undefined,
      container: undefined,
      netns: undefined,
    }
    for (const rule of ["exe=/bin/x", "cgroup=/x", "container=x", "netns=1"]) {
      expect(new FilterRules([rule], []).includes(gone)).toBe(false)
      expect(new FilterRules([], [rule]).includes(gone)).toBe(false)
    }
    expect(new FilterRules(["comm=sh"], ["pid=8"]).includes(gone)).toBe(true)
    expect(new FilterRules([], ["container=x"]).includes({ ...gone, container: [] })).toBe(true)
  })

  it("leave ports to connections", () => {
    const rules = new FilterRules(["port=80", "port=443"], ["port=9100"])
    expect([[...rules.includedPorts], [...rules.excludedPorts]]).toEqual([[80, 443], [9_100]])
    expect([rules.concernsProcesses, rules.includes(process)]).toEqual([false, true])
  })

  it("take whatever the pattern takes, and never look at it as a pattern of their own", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 15 }), (comm) => {
        if (comm.includes("*") || /[\n\r\u2028\u2029]/.test(comm)) return
        expect(filterRulePattern.test(`comm=${comm}`)).toBe(true)
        expect(new FilterRules([`comm=${comm}`], []).includes({ ...process, comm })).toBe(true)
        expect(new FilterRules([`comm=${comm}*`], []).includes({ ...process, comm: `${comm}x` })).toBe(true)
        expect(new FilterRules([`comm=${comm}`], []).includes({ ...process, comm: `${comm}x` })).toBe(false)
      }),
    )
  })
})

describe("values that are refused", () => {
  it.each([
    "nginx",
    "comm=",
    "comm=longer-than-the-kernel-keeps",
    "pid=0",
    "pid=x",
    "exe=nginx",
    "cgroup=system.slice",
    "netns=host",
    "port=0",
    "port=65536",
    "port=80-90",
    "user=root",
  ])("%s", (rule) => {
    const [problem, ...others] = valueProblems({ "filter.exclude": ["comm=sh", rule] })
    expect(others).toEqual([])
    expect(problem).toBe(
      `filter.exclude: expected a list of rules such as pid=1234, comm=nginx, exe=/usr/sbin/nginx, cgroup=/system.slice/*, container=web-*, netns=4026531840, port=8080, found ${JSON.stringify(["comm=sh", rule])}`,
    )
  })

  it("ports up to the last", () => {
    for (const port of [1, 9, 80, 1_024, 9_999, 10_000, 59_999, 64_999, 65_499, 65_529, 65_535])
      expect(valueProblems({ "filter.include": [`port=${port}`] })).toEqual([])
  })
})
