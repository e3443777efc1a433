import { Buffer } from "node:buffer"
import { describe, expect, it } from "vitest"
import { makeProtocols } from "../protocol/protocols.ts"
import { Side } from "./Connection.ts"
import { ConnectionTable, type ConnectionTableOptions } from "./ConnectionTable.ts"
import { byThread, systemCalls } from "./connections.testing.ts"
import { type Session, SessionEnd } from "./Session.ts"

const request = Buffer.from("GET /a HTTP/1.1\r\nHost: h\r\n\r\n")

const start = (options: Partial<ConnectionTableOptions> = {}) => {
  const sessions: Array<Session> = []
  const table = new ConnectionTable({
    protocols: makeProtocols(),
    onSession: (session) => sessions.push(session),
    ...options,
  })
  const use = (key: number, atUs: number) => {
    const connection = table.get(key) ?? table.open(key, systemCalls(), atUs)
    connection.feed(Side.a, request, 0, request.length, 0, atUs, 0, byThread(1), 0)
  }
  return { table, sessions, use }
}

describe("ConnectionTable", () => {
  it("gives exact, unique flow ids", () => {
    const { table } = start({ flowIdSeed: 0xffff_ffff })
    const ids = Array.from({ length: 100 }, (_, key) => table.open(key, systemCalls(), 0).flowId)
    expect(new Set(ids).size).toBe(100)
    expect(ids.every((id) => Number.isSafeInteger(id) && id > 2 ** 52)).toBe(true)
  })

  it("is bounded, and spares what is in use", () => {
    const { table, use, sessions } = start({ maxConnections: 3 })
    for (const key of [1, 2, 3]) use(key, key)
    use(4, 10)
    use(2, 20)
    use(5, 30)
    expect(table.size).toBe(3)
    expect(table.counters).toMatchObject({ opened: 5, evictedFull: 2 })
    expect([1, 2, 3, 4, 5].filter((key) => table.get(key) !== undefined)).toEqual([2, 4, 5])
    expect(sessions.map((session) => session.end)).toEqual([SessionEnd.closed, SessionEnd.closed])
    for (let key = 100; key < 1000; key++) use(key, key)
    expect(table.size).toBe(3)
  })

  it("times out requests and forgets idle connections", () => {
    const { table, use, sessions } = start({ timeoutUs: 100, idleUs: 1000 })
    use(1, 0)
    table.expire(99)
    expect(sessions).toEqual([])
    table.expire(100)
    expect(sessions.map((session) => session.end)).toEqual([SessionEnd.timeout])
    table.expire(1000)
    expect(table.size).toBe(0)
    expect(table.counters.evictedIdle).toBe(1)
  })

  it("ends a connection whose key is opened again, and all at the end", () => {
    const { table, use, sessions } = start()
    use(1, 0)
    table.open(1, systemCalls(), 5)
    use(1, 6)
    table.closeAll(9)
    expect(sessions).toHaveLength(2)
    expect(table.counters).toMatchObject({ opened: 2, closed: 2 })
    expect(table.budget.outstanding).toBe(0)
  })
})
