import { assert, integer, property } from "fast-check"
import { describe, expect, it } from "vitest"
import { markOf, requestIn } from "./marks.ts"
import type { Hop } from "./Scenario.ts"
import { isWhole, parentsByTraces, type Span, type Trace } from "./assembled.ts"
import { judge, parentsByLinks, type SeenRow, tally } from "./score.ts"
import { tableLines } from "./table.ts"

const hop: Hop = {
  name: "shop",
  kind: "threads",
  port: 80,
  calls: [
    { name: "Redis", port: 6379, times: 2 },
    { name: "PostgreSQL", port: 5432, times: 1 },
  ],
}

let nextId = 1
const row = (part: Partial<SeenRow>): SeenRow => ({
  id: String(nextId++),
  agent: 1,
  point: "c-p",
  port: 6379,
  process: 7,
  request: 1,
  type: "",
  requestLink: "0",
  responseLink: "0",
  startUs: 0,
  endUs: 0,
  clientPort: 0,
  text: "",
  ...part,
})

/** A request with its three calls, all tied by `link`, or from each to the next by `link`, `link` + 1, ... */
const served = (request: number, link: number, isChain = false): ReadonlyArray<SeenRow> => {
  const [second, third, last] = isChain ? [link + 1, link + 2, link + 3] : [link, link, link]
  const texts = (a: number, b: number) => ({ requestLink: String(a), responseLink: String(b) })
  return [
    row({ point: "s-p", port: 80, request, ...texts(link, last) }),
    row({ request, ...texts(link, second) }),
    row({ request, port: 5432, ...texts(second, third) }),
    row({ request, ...texts(third, last) }),
  ]
}

const score = (rows: ReadonlyArray<SeenRow>, requests = 2) => {
  const { calls: _, ...counts } = tally(judge([hop], [1, 2].slice(0, requests), rows, parentsByLinks(rows)))
  return counts
}
const none = { right: 0, orphan: 0, wrong: 0, missing: 0 }

describe("marks", () => {
  it("are found in what calls say", () => {
    assert(
      property(integer({ min: 0, max: 9_999_999 }), (number) => {
        const mark = markOf(number)
        for (const text of [
          `/work/${mark}`,
          `GET cart:${mark}`,
          `select ? as ${mark}`,
          `/item/${mark}?page=1`,
        ])
          expect(requestIn(text)).toBe(number)
      }),
    )
  })

  it("are not found where there is none", () => {
    for (const text of ["", "/work/", "GET cart:q12z", "aq0000001z", "q0000001zz", "/q00000012z"])
      expect(requestIn(text)).toBeUndefined()
  })
})

describe("a call's parent", () => {
  it("is right when one id ties all of a request", () => {
    expect(score([...served(1, 10), ...served(2, 20)])).toEqual({ ...none, right: 6 })
  })

  it("is the message that a consumer was sent, not what the others said on that connection", () => {
    const consumer: Hop = { ...hop, takes: "Msg", calls: [{ name: "Redis", port: 6379, times: 1 }] }
    const rows = [1, 2].flatMap((request) => [
      row({ type: "Msg", port: 80, request, responseLink: String(request) }),
      // Its answer, which goes by the broker as well.
      row({ type: "Pub", port: 80, request: 3 - request, requestLink: String(request) }),
      row({ request, requestLink: String(request) }),
    ])
    const { right } = tally(judge([consumer], [1, 2], rows, parentsByLinks(rows)))
    expect(right).toBe(2)
  })

  it("is right when ids lead from each call to the next", () => {
    expect(score([...served(1, 10, true), ...served(2, 20, true)])).toEqual({ ...none, right: 6 })
  })

  it("is wrong when calls were exchanged", () => {
    const [one, ...calls] = served(1, 10)
    const [two, ...others] = served(2, 20)
    const exchanged = [
      one!,
      two!,
      ...calls.map((call) => ({ ...call, request: 2 })),
      ...others.map((call) => ({ ...call, request: 1 })),
    ]
    expect(score(exchanged)).toEqual({ ...none, wrong: 6 })
  })

  it("is wrong when requests that belong together only in time share an id", () => {
    expect(score([...served(1, 10), ...served(2, 10)])).toEqual({ ...none, wrong: 6 })
  })

  it("is wrong from the place on where a chain goes over to another request", () => {
    const rows = served(1, 10, true).map((one) => (one.port === 5432 ? { ...one, responseLink: "99" } : one))
    const other = row({ point: "s-p", port: 80, request: 5, requestLink: "99" })
    // Its last call is still tied to the request itself, by the response.
    expect(score([...rows, other], 1)).toEqual({ ...none, right: 1, wrong: 2 })
  })

  it("is unknown without ids, and when only calls share them", () => {
    const bare = served(1, 10).map((one) => ({ ...one, requestLink: "0", responseLink: "0" }))
    expect(score(bare, 1)).toEqual({ ...none, orphan: 3 })
    expect(score(served(1, 10).slice(1), 1)).toEqual({ ...none, orphan: 3 })
  })

  it("is unknown when the id is another process' or another agent's", () => {
    const [parent, ...calls] = served(1, 10)
    expect(score([{ ...parent!, process: 8 }, ...calls], 1)).toEqual({ ...none, orphan: 3 })
    expect(score([{ ...parent!, agent: 2 }, ...calls], 1)).toEqual({ ...none, orphan: 3 })
  })

  it("is not the row of the callee", () => {
    const calls = served(1, 10).slice(1)
    const callee = row({ point: "s-p", port: 6379, requestLink: "10" })
    expect(score([...calls, callee], 1)).toEqual({ ...none, orphan: 3 })
  })

  it("is asked of calls alone, where others come over the same port", () => {
    const broker = { name: "NATS", port: 6379, times: 1, type: "Hpub" }
    const rows = [
      ...served(1, 10)
        .slice(0, 2)
        .map((one) => ({ ...one, type: "Hpub" })),
      row({ process: 9, type: "Hmsg" }),
    ]
    const judged = judge([{ ...hop, calls: [broker] }], [1], rows, parentsByLinks(rows))
    expect(judged.map(({ row: { type } = {}, verdict }) => [type, verdict])).toEqual([["Hpub", "right"]])
  })

  it("cannot be told of calls that are not there", () => {
    expect(score(served(1, 10).slice(0, 2), 2)).toEqual({ ...none, right: 1, missing: 5 })
    expect(score([], 2)).toEqual({ ...none, missing: 6 })
  })
})

describe("the table", () => {
  const result = { scenario: "a", hop: "b", kind: "threads", concurrency: 16, calls: 3000 } as const

  it("does not round up to all or down to none", () => {
    const [, , line] = tableLines([{ ...result, right: 2999, orphan: 1, wrong: 0, missing: 0 }])
    expect(line!.split("|").map((cell) => cell.trim())).toEqual([
      "",
      "a",
      "b",
      "threads",
      "16",
      "3000",
      "99.9",
      "<0.1",
      "0.0",
      "0.0",
      "",
    ])
  })
})

describe("assembled traces", () => {
  const span = (row: SeenRow, parent: number): Span => ({
    id: row.id,
    otherIds: [],
    point: row.point,
    server: { port: row.port },
    resource: row.point === "s-p" ? `/work/${markOf(row.request)}` : `GET cart:${markOf(row.request)}`,
    parent,
  })
  const traceOf = (rows: ReadonlyArray<SeenRow>): Trace => ({
    spans: rows.map((row, at) => span(row, at === 0 ? -1 : 0)),
    roots: [0],
  })
  const scoreTraces = (rows: ReadonlyArray<SeenRow>, traces: ReadonlyArray<Trace>) => {
    const { calls: _, ...counts } = tally(judge([hop], [1, 2], rows, parentsByTraces(traces)))
    return counts
  }

  it("are right and whole when each has all of its request", () => {
    const [one, two] = [served(1, 10), served(2, 20)]
    const rows = [...one, ...two]
    expect(scoreTraces(rows, [traceOf(one), traceOf(two)])).toEqual({ ...none, right: 6 })
    expect(isWhole(traceOf(one), 1, rows)).toBe(true)
  })

  it("are wrong and not whole when a call hangs below another request", () => {
    const [one, two] = [served(1, 10), served(2, 20)]
    const rows = [...one, ...two]
    const stolen = [...one, two[1]!]
    expect(scoreTraces(rows, [traceOf(stolen), traceOf(two.toSpliced(1, 1))])).toEqual({
      ...none,
      right: 5,
      wrong: 1,
    })
    expect(isWhole(traceOf(stolen), 1, rows)).toBe(false)
    expect(isWhole(traceOf(two.toSpliced(1, 1)), 2, rows)).toBe(false)
  })

  it("have orphans where a call is a root or in no trace", () => {
    const [one, two] = [served(1, 10), served(2, 20)]
    const { spans } = traceOf(one)
    const parted = { spans: spans.with(3, { ...spans[3]!, parent: -1 }), roots: [0, 3] }
    expect(scoreTraces([...one, ...two], [parted])).toEqual({ ...none, right: 2, orphan: 4 })
    expect(isWhole(parted, 1, one)).toBe(false)
  })
})
