import { describe, expect, it } from "vitest"
import { L7Protocol } from "../../model/protocol.ts"
import { noCall } from "../flow/CallSite.ts"
import { Connection, Side } from "../flow/Connection.ts"
import { systemCalls } from "../flow/connections.testing.ts"
import { makePairBudget } from "../flow/SessionPairs.ts"
import { makeProtocols } from "../protocol/protocols.ts"
import { serverKey, socketData, socketKey, verdictLeave } from "./layout.gen.ts"
import { Verdicts } from "./Verdicts.ts"

const protocols = makeProtocols()
const budget = makePairBudget()
const secondUs = 1_000_000

const set = "set a 0 0 1\r\nb\r\n"
const get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n"
const nothing = "\x01\x02 not for us \x03\x04"

interface Said {
  /** What the kernel said of the protocol. */
  readonly said?: number
  readonly netns?: number
  readonly socket?: bigint
  readonly nowUs?: number
  readonly isTls?: boolean
}

/** `takes`: whether the kernel's maps have room. */
const make = (takes = true) => {
  const sockets: Array<readonly [socket: bigint, generation: number, verdict: number]> = []
  const servers = new Map<string, number>()
  let calls = 0
  const serverText = (key: Uint8Array): string => {
    const view = new DataView(key.buffer, key.byteOffset)
    const within = view.getUint16(serverKey.isTls, true) === 1 ? " within TLS" : ""
    return `${view.getUint32(serverKey.netns, true)} ${key.slice(serverKey.ip).join(".")}:${view.getUint16(serverKey.port, true)}${within}`
  }
  const verdicts = new Verdicts({
    decideSockets: (keys, values) => {
      calls++
      const view = new DataView(keys.buffer, keys.byteOffset, keys.length)
      values.forEach((value, i) =>
        sockets.push([
          view.getBigUint64(i * socketKey.size + socketKey.socket, true),
          view.getUint32(i * socketKey.size + socketKey.generation, true),
          value,
        ]),
      )
      return takes ? values.length : 0
    },
    decideServers: (keys, values) => {
      calls++
      values.forEach((value, i) =>
        servers.set(serverText(keys.slice(i * serverKey.size, (i + 1) * serverKey.size)), value),
      )
      return takes ? values.length : 0
    },
    forgetServer: (key) => servers.delete(serverText(key)),
  })
  let flows = 0
  const consider = (connection: Connection, { netns = 1, nowUs = 0, said = 0, socket = 0n }: Said = {}) => {
    const view = new DataView(new ArrayBuffer(socketData.size))
    view.setBigUint64(socketData.socket, socket, true)
    view.setUint32(socketData.generation, 5, true)
    view.setUint32(socketData.netns, netns, true)
    view.setUint8(socketData.protocol, said)
    verdicts.consider(connection, view, 0, nowUs)
  }
  /** A connection that is fed these texts by its client. */
  const talk = (texts: ReadonlyArray<string>, said: Said = {}, client: Side = Side.a): Connection => {
    const context = { protocols, budget, onSession: () => {} }
    const init = { ...systemCalls(client), isTls: said.isTls === true }
    const connection = new Connection(++flows, flows, init, context)
    for (const text of texts) {
      const bytes = Buffer.from(text, "latin1")
      connection.feed(Side.a, bytes, 0, bytes.length, 0, said.nowUs ?? 0, 0, noCall, said.said ?? 0)
      consider(connection, said)
    }
    return connection
  }
  return { verdicts, sockets, servers, consider, talk, calls: () => calls }
}

const { b } = systemCalls()
const server = `1 ${b.ip.join(".")}:${b.port}`
const four = Array.from({ length: 4 }, () => nothing)

describe("Verdicts", () => {
  it("tells once which protocol a socket speaks, and with what its server's connections begin", () => {
    const { calls, servers, sockets, talk, verdicts } = make()
    talk([set, set], { socket: 0xffff_8881_0000_0040n })
    expect(calls()).toBe(0)
    expect(verdicts.isAwaited).toBe(false)
    verdicts.flush()
    verdicts.flush()
    expect(sockets).toEqual([[0xffff_8881_0000_0040n, 5, L7Protocol.memcached]])
    expect([...servers]).toEqual([[server, L7Protocol.memcached]])
    expect(calls()).toBe(2)
    // The next begins with the verdict: nothing is left to say.
    talk([set], { said: L7Protocol.memcached })
    verdicts.flush()
    expect(calls()).toBe(2)
    // The kernel forgot it.
    servers.clear()
    talk([set])
    verdicts.flush()
    expect([...servers]).toEqual([[server, L7Protocol.memcached]])
  })

  it("is awaited while a connection is not decided", () => {
    const { sockets, talk, verdicts } = make()
    talk(four.slice(1))
    expect(verdicts.isAwaited).toBe(true)
    verdicts.flush()
    expect(sockets).toEqual([])
  })

  it("has sockets left alone that nothing recognises, and those whose protocol ends", () => {
    const { consider, sockets, talk, verdicts } = make()
    talk(four, { socket: 1n })
    const upgraded = { socket: 2n, said: L7Protocol.http1 }
    const connection = talk([get], upgraded)
    verdicts.flush()
    expect(sockets).toEqual([[1n, 5, verdictLeave]])
    connection.leave()
    consider(connection, upgraded)
    consider(connection, upgraded)
    verdicts.flush()
    expect(sockets).toEqual([
      [1n, 5, verdictLeave],
      [2n, 5, verdictLeave],
    ])
    expect(verdicts.stats()).toMatchObject({ verdicts_total: 2, verdicts_left_total: 2 })
  })

  it("says nothing of what the kernel recognises by itself", () => {
    const { calls, talk, verdicts } = make()
    talk([get], { said: L7Protocol.http1 })
    verdicts.flush()
    expect(calls()).toBe(0)
  })

  it("leaves a server alone for a minute after four connections that say nothing", () => {
    const { servers, talk, verdicts } = make()
    for (let i = 0; i < 3; i++) talk(four)
    verdicts.flush()
    expect(servers.size).toBe(0)
    talk(four)
    verdicts.flush()
    expect([...servers]).toEqual([[server, verdictLeave]])
    verdicts.expire(59 * secondUs)
    expect(servers.size).toBe(1)
    verdicts.expire(60 * secondUs)
    expect(servers.size).toBe(0)
    talk([set])
    verdicts.flush()
    expect([...servers]).toEqual([[server, L7Protocol.memcached]])
  })

  it("is not led astray by a few strangers, and doubts before it leaves", () => {
    const { servers, talk, verdicts } = make()
    talk([set])
    for (let i = 0; i < 3; i++) talk(four)
    talk([set], { said: L7Protocol.memcached })
    for (let i = 0; i < 3; i++) talk(four)
    verdicts.flush()
    expect([...servers]).toEqual([[server, L7Protocol.memcached]])
    talk(four)
    verdicts.flush()
    expect(servers.size).toBe(0)
  })

  it("learns nothing of a server from connections that began before the agent", () => {
    const { servers, sockets, talk, verdicts } = make()
    for (let i = 0; i < 8; i++) talk(four, {}, Side.unknown)
    verdicts.flush()
    expect(sockets).toHaveLength(8)
    expect(servers.size).toBe(0)
  })

  it("decides nothing ahead for a server whose connections differ", () => {
    const { servers, talk, verdicts } = make()
    talk([set])
    talk([get], { said: L7Protocol.memcached })
    talk([set])
    for (let i = 0; i < 8; i++) talk(four)
    verdicts.flush()
    expect(servers.size).toBe(0)
  })

  it("tells servers of the same address in two network namespaces apart", () => {
    const { servers, talk, verdicts } = make()
    talk([set], { netns: 1 })
    talk(['CONNECT {"verbose":false}\r\n'], { netns: 2 })
    verdicts.flush()
    expect([...servers.values()]).toEqual([L7Protocol.memcached, L7Protocol.nats])
  })

  it("tells what is said within TLS apart from what carries it", () => {
    const { servers, talk, verdicts } = make()
    talk(four)
    talk([set], { isTls: true })
    for (let i = 0; i < 3; i++) talk(four)
    verdicts.flush()
    expect([...servers]).toEqual([
      [`${server} within TLS`, L7Protocol.memcached],
      [server, verdictLeave],
    ])
  })

  it("forgets a server that nobody talked to for ten minutes", () => {
    const { servers, talk, verdicts } = make()
    talk([set])
    verdicts.flush()
    talk([set], { said: L7Protocol.memcached, nowUs: 300 * secondUs })
    verdicts.expire(899 * secondUs)
    expect(servers.size).toBe(1)
    verdicts.expire(900 * secondUs)
    expect(servers.size).toBe(0)
    expect(verdicts.stats()).toMatchObject({ servers: 0 })
  })

  it("holds a bounded number of servers, and counts those it gives up and what the kernel does not take", () => {
    const { servers, talk, verdicts } = make()
    for (let netns = 1; netns <= 4_106; netns++) talk([set], { netns })
    verdicts.flush()
    expect(verdicts.stats()).toMatchObject({ servers: 4_096, servers_evicted_total: 10 })
    expect(servers.size).toBe(4_096)
    const full = make(false)
    full.talk([set])
    full.verdicts.flush()
    expect(full.verdicts.stats()).toMatchObject({ verdicts_total: 1, verdicts_refused_total: 2 })
  })
})
