import { describe, expect, it } from "vitest"
import { foldableSpans, hopsOf } from "./hops.ts"
import { type Folding, nothingFolded, revealed, rowsOf, shownAs } from "./rows.ts"
import { largeTrace, shopTrace, side, singleTrace, traceOf } from "./trace.testing.ts"

const trace = shopTrace()
const hops = hopsOf(trace)
const foldable = foldableSpans(trace, hops)
const rowsWith = (folding: Partial<Folding>) =>
  rowsOf(trace, hops, foldable, { ...nothingFolded, ...folding })
const pointsOf = (folding: Partial<Folding>) =>
  rowsWith(folding).map(({ span, depth }) => `${depth} ${trace.spans[span]!.point}`)

describe("hops", () => {
  it("are what client, network, server and program saw of one call", () => {
    expect(hops.spans.map((members) => members.map((at) => trace.spans[at]!.point).join(" "))).toEqual([
      "c-p c s s-p",
      "c-p s-p s-app",
      "c-p s-p",
      "c-p s-p",
      "c-p",
      "c-p s-p",
      "app",
      "c-p",
    ])
  })

  it("are one where a program and its system call have one span id, two on both sides of a proxy", () => {
    const [client, proxy, server] = [
      side("web", "10.0.0.1", 1, 1),
      side("proxy", "10.0.0.2", 80, 2),
      side("shop", "10.0.0.3", 80, 3),
    ]
    const trace = traceOf([
      {
        point: "c-app",
        from: 0,
        to: 90,
        client,
        server: proxy,
        below: [
          {
            point: "c-p",
            from: 1,
            to: 89,
            reason: "span_id",
            client,
            server: proxy,
            below: [
              {
                point: "s-p",
                from: 2,
                to: 88,
                client,
                server: proxy,
                below: [{ point: "c-p", from: 3, to: 87, reason: "span_id", client: proxy, server }],
              },
            ],
          },
        ],
      },
    ])
    expect(hopsOf(trace).spans).toEqual([[0, 1, 2], [3]])
  })

  it("keep one span of a call that only packets were seen of", () => {
    const ends = { client: side("", "10.0.0.1", 1, 0), server: side("", "10.0.0.2", 2, 0) }
    const packets = traceOf([
      { point: "c", from: 0, to: 9, ...ends, below: [{ point: "s", from: 2, to: 7, ...ends }] },
    ])
    expect([...foldableSpans(packets, hopsOf(packets))]).toEqual([1])
  })
})

describe("rows", () => {
  it("fold the network until it is asked for", () => {
    expect(pointsOf({}).slice(0, 5)).toEqual(["0 c-p", "1 s-p", "2 c-p", "3 s-p", "4 s-app"])
    expect(pointsOf({ isNetworkShown: true }).slice(0, 5)).toEqual(["0 c-p", "1 c", "2 s", "3 s-p", "4 c-p"])
    expect(rowsWith({})[0]).toMatchObject({ foldedNetwork: 2, isHopOpen: false })
    expect(rowsWith({ openHops: new Set([0]) })[0]).toMatchObject({ foldedNetwork: 0, isHopOpen: true })
    expect(rowsWith({ openHops: new Set([0]) })).toHaveLength(trace.spans.length)
  })

  it("never hide a root, and hang below a root of the network nothing but its depth", () => {
    const ends = { client: side("", "10.0.0.1", 1, 0), server: side("web", "10.0.0.2", 2, 5) }
    const seen = traceOf([
      { point: "c", from: 0, to: 9, ...ends, below: [{ point: "s-p", from: 2, to: 7, ...ends }] },
    ])
    const ofSeen = hopsOf(seen)
    const rows = rowsOf(seen, ofSeen, foldableSpans(seen, ofSeen), nothingFolded)
    expect(rows).toMatchObject([{ span: 1, depth: 0, parent: -1, foldedNetwork: 1 }])
    expect(rowsWith({}).filter(({ depth }) => depth === 0)).toHaveLength(2)
  })

  it("close with a count of what they hide", () => {
    const server = trace.spans.findIndex((span) => span.point === "s-app")
    const rows = rowsWith({ closed: new Set([server]) })
    const below = trace.spans.length - server - 2
    expect(rows.find(({ span }) => span === server)).toMatchObject({ isClosed: true, hidden: below })
    expect(rows).toHaveLength(rowsWith({}).length - below)
    expect(shownAs(trace, rows)[server + 3]).toBe(server)
    // What is closed within something closed is hidden by the outer one.
    const both = rowsWith({ closed: new Set([server, server + 3]) })
    expect(both.find(({ span }) => span === server)?.hidden).toBe(below)
  })

  it("open on the way to a span", () => {
    const card = trace.spans.findIndex((span) => span.point === "s")
    const folding = revealed(trace, hops, foldable, { ...nothingFolded, closed: new Set([0]) }, card)
    expect(rowsOf(trace, hops, foldable, folding).some(({ span }) => span === card)).toBe(true)
    expect([...folding.closed]).toEqual([])
  })

  it("are one for one span, and as many as there are", () => {
    const single = singleTrace()
    expect(rowsOf(single, hopsOf(single), new Set(), nothingFolded)).toHaveLength(1)
    const large = largeTrace(2_000)
    expect(rowsOf(large, hopsOf(large), new Set(), nothingFolded)).toHaveLength(2_000)
  })
})
