import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { emptyMessage, type L7Message, RecordType } from "../../model/L7Session.ts"
import { L7Protocol } from "../../model/protocol.ts"
import { Direction } from "../protocol/Protocol.ts"
import { byThread } from "./connections.testing.ts"
import { type Session, SessionEnd } from "./Session.ts"
import { makePairBudget, type PairOptions, SessionPairs } from "./SessionPairs.ts"

const request = (name: string, atUs = 0, id = -1): L7Message => {
  const message = emptyMessage(RecordType.request, L7Protocol.http1, atUs, 0)
  message.requestType = name
  message.requestId = id
  return message
}
const response = (name: string, atUs = 0, id = -1): L7Message => {
  const message = emptyMessage(RecordType.response, L7Protocol.http1, atUs, 0)
  message.result = name
  message.requestId = id
  return message
}

const call = byThread(1)

const endNames = Object.fromEntries(Object.entries(SessionEnd).map(([name, value]) => [value, name]))

const start = (options: PairOptions = {}) => {
  const found: Array<string> = []
  const budget = makePairBudget(options)
  const tell = ({ end, request, response }: Session): void => {
    found.push(`${request?.requestType ?? "-"} ${response?.result ?? "-"} ${endNames[end]}`)
  }
  const pairs = new SessionPairs(budget, tell, undefined)
  return { found, budget, pairs }
}

describe("SessionPairs", () => {
  it("pairs in order without ids, by id with ids", () => {
    const { found, pairs, budget } = start()
    for (const name of ["a", "b"]) pairs.add(request(name), call)
    for (const name of ["A", "B"]) pairs.add(response(name), call)
    for (const id of [7, 8]) pairs.add(request(`r${id}`, 0, id), call)
    for (const id of [8, 7, 9]) pairs.add(response(`R${id}`, 0, id), call)
    expect(found).toEqual(["a A paired", "b B paired", "r8 R8 paired", "r7 R7 paired", "- R9 unrequested"])
    expect(budget.outstanding).toBe(0)
  })

  it("hands over one-way messages at once and keeps them out of the order", () => {
    const { found, pairs } = start()
    pairs.add(request("a"), call)
    pairs.add({ ...response("push"), isAsync: true }, call)
    pairs.add({ ...request("cast"), isAsync: true }, call)
    pairs.add(response("A"), call)
    expect(found).toEqual(["- push oneWay", "cast - oneWay", "a A paired"])
  })

  it("times out, and gives the late response to nobody else", () => {
    const { found, pairs, budget } = start({ timeoutUs: 100 })
    pairs.add(request("a", 0), call)
    pairs.add(request("b", 60), call)
    pairs.add(request("c", 0, 5), call)
    pairs.expire(99)
    expect(found).toEqual([])
    pairs.expire(100)
    pairs.add(response("A", 150), call)
    pairs.add(response("B", 151), call)
    expect(found).toEqual(["a - timeout", "c - timeout", "- A unrequested", "b B paired"])
    expect(budget).toMatchObject({ timeouts: 2, outstanding: 0 })
  })

  it("begins anew after a timeout when the connection is idle", () => {
    const { found, pairs } = start({ timeoutUs: 100 })
    pairs.add(request("lost", 0), call)
    pairs.expire(200)
    pairs.add(request("b", 300), call)
    pairs.add(response("B", 301), call)
    expect(found.at(-1)).toBe("b B paired")
  })

  it("bounds what is outstanding on one connection and on all", () => {
    const one = start({ maxPerConnection: 2 })
    for (const name of ["a", "b", "c"]) one.pairs.add(request(name), call)
    for (const name of ["A", "B", "C"]) one.pairs.add(response(name), call)
    expect(one.found).toEqual(["a - overflow", "- A unrequested", "b B paired", "c C paired"])
    expect(one.budget).toMatchObject({ overflows: 1, outstanding: 0 })

    const all = start({ maxTotal: 1 })
    const tell = ({ end }: Session): void => void all.found.push(`second ${endNames[end]}`)
    const second = new SessionPairs(all.budget, tell, undefined)
    all.pairs.add(request("a"), call)
    second.add(request("x"), call)
    second.add(response("X"), call)
    all.pairs.add(response("A"), call)
    second.add(request("y"), call)
    second.add(response("Y"), call)
    expect(all.found).toEqual(["second overflow", "second unrequested", "a A paired", "second paired"])
  })

  it("pairs nothing wrongly after losses", () => {
    const responses = start()
    responses.pairs.add(request("a"), call)
    responses.pairs.add(request("b"), call)
    responses.pairs.desync(Direction.toClient)
    responses.pairs.add(response("B"), call)
    responses.pairs.add(request("c"), call)
    responses.pairs.add(response("C"), call)
    expect(responses.found).toEqual(["a - lost", "b - lost", "- B unrequested", "c C paired"])

    const requests = start()
    requests.pairs.add(request("a"), call)
    requests.pairs.desync(Direction.toServer)
    requests.pairs.add(response("A"), call)
    requests.pairs.add(request("c"), call)
    requests.pairs.add(response("C"), call)
    expect(requests.found).toEqual(["a A paired", "c C paired"])

    const pipelined = start()
    pipelined.pairs.add(request("a"), call)
    pipelined.pairs.desync(Direction.toServer)
    pipelined.pairs.add(request("c"), call)
    for (const name of ["A", "B", "C"]) pipelined.pairs.add(response(name), call)
    pipelined.pairs.add(request("d"), call)
    pipelined.pairs.add(response("D"), call)
    expect(pipelined.found).toEqual([
      "c - lost",
      "a A paired",
      "- B unrequested",
      "- C unrequested",
      "d D paired",
    ])
  })

  it("says what the end of a connection leaves", () => {
    const { found, pairs, budget } = start()
    pairs.add(request("a"), call)
    pairs.add(request("b", 0, 3), call)
    pairs.close()
    expect(found).toEqual(["a - closed", "b - closed"])
    expect(budget.outstanding).toBe(0)
  })

  it("loses no message and doubles none, whatever happens", () => {
    const event = fc.record({
      kind: fc.constantFrom("request", "response", "request", "response", "expire", "desync", "close"),
      id: fc.constantFrom(-1, -1, -1, 1, 2),
      isAsync: fc.constantFrom(false, false, false, true),
    })
    fc.assert(
      fc.property(
        fc.array(event, { maxLength: 300 }),
        fc.integer({ min: 1, max: 100 }),
        (events, maxTotal) => {
          const budget = makePairBudget({ maxPerConnection: 70, maxTotal, timeoutUs: 50 })
          const seen = new Map<L7Message, number>()
          const count = ({ request, response }: Session): void => {
            for (const message of [request, response]) {
              if (message !== null) seen.set(message, (seen.get(message) ?? 0) + 1)
            }
          }
          const pairs = new SessionPairs(budget, count, undefined)
          const added: Array<L7Message> = []
          events.forEach(({ kind, id, isAsync }, atUs) => {
            if (kind === "expire") pairs.expire(atUs)
            else if (kind === "desync") pairs.desync(isAsync ? Direction.toServer : Direction.toClient)
            else if (kind === "close") pairs.close()
            else {
              const message = kind === "request" ? request("r", atUs, id) : response("r", atUs, id)
              message.isAsync = isAsync
              added.push(message)
              pairs.add(message, call)
            }
            expect(pairs.outstanding).toBe(budget.outstanding)
            expect(budget.outstanding).toBeLessThanOrEqual(Math.min(70, maxTotal))
          })
          pairs.close()
          expect(budget.outstanding).toBe(0)
          expect(added.every((message) => seen.get(message) === 1)).toBe(true)
          expect(seen.size).toBe(added.length)
        },
      ),
    )
  })
})
