import { type AddressInfo, connect, createServer } from "node:net"
import { once } from "node:events"
import { afterEach, describe, expect, it } from "vitest"
import { readDescriptors, readSocketInode, readTcpSockets, type TcpSocket } from "../../process/procfs.ts"
import { eventKind, socketClose, socketData } from "../layout.gen.ts"
import { CompatEnds, descriptorText } from "./CompatEnds.ts"

const cleanUps: Array<() => void> = []
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0)) cleanUp()
})

/** A connection of this process, with the descriptor of its client's end. */
const connection = async () => {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const client = connect((server.address() as AddressInfo).port, "127.0.0.1")
  await once(client, "connect")
  cleanUps.push(
    () => client.destroy(),
    () => server.close(),
  )
  const { localPort, remotePort } = client
  const table = readTcpSockets("self")
  const { fds, sockets } = readDescriptors(process.pid)
  const at = sockets.findIndex((inode) => table.get(inode)?.port === localPort)
  return { fd: fds[at]!, localPort: localPort!, remotePort: remotePort!, client }
}

interface Told {
  readonly pid?: number
  readonly fd: number
  readonly role?: number
  readonly generation?: number
  readonly remote?: readonly [ip: ReadonlyArray<number>, port: number]
}

const mapped = (ip: ReadonlyArray<number>): Uint8Array => {
  const bytes = new Uint8Array(16)
  bytes.set([0xff, 0xff, ...ip], 10)
  return bytes
}

const record = (size: number, fill: (view: DataView, bytes: Uint8Array) => void): Uint8Array => {
  const all = new Uint8Array(8 + ((size + 7) & ~7))
  new DataView(all.buffer).setUint32(0, size, true)
  fill(new DataView(all.buffer, 8), all.subarray(8))
  return all
}

const data = ({ fd, generation = 1, pid = process.pid, remote, role = 0 }: Told): Uint8Array =>
  record(socketData.size + 5, (view, bytes) => {
    view.setUint32(socketData.kind, eventKind.data, true)
    view.setUint32(socketData.captured, 5, true)
    view.setBigUint64(socketData.socket, BigInt(fd), true)
    view.setUint32(socketData.generation, generation, true)
    view.setUint32(socketData.tgid, pid, true)
    view.setUint32(socketData.fd, fd, true)
    view.setUint8(socketData.role, role)
    if (remote === undefined) return
    bytes.set(mapped(remote[0]), socketData.remoteIp)
    view.setUint16(socketData.remotePort, remote[1], true)
  })

const close = (fd: number, generation = 1): Uint8Array =>
  record(socketClose.size, (view) => {
    view.setUint32(0, eventKind.close, true)
    view.setUint32(socketClose.generation, generation, true)
    view.setBigUint64(socketClose.socket, BigInt(fd), true)
  })

const make = (options: Partial<ConstructorParameters<typeof CompatEnds>[0]> = {}) => {
  const left: Array<number> = []
  const ends = new CompatEnds({
    older: new Map<string, TcpSocket>(),
    listening: () => [],
    isExcluded: () => false,
    leave: (_socket, generation) => left.push(generation),
    ...options,
  })
  const complete = (...records: ReadonlyArray<Uint8Array>) => {
    const bytes = new Uint8Array(Buffer.concat(records))
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    const length = ends.complete(bytes, view, bytes.length)
    const told: Array<readonly [local: number, remote: number, localIp: string]> = []
    for (let at = 8; at < length; at += 8 + ((view.getUint32(at - 8, true) + 7) & ~7)) {
      if (view.getUint32(at, true) !== eventKind.data) continue
      told.push([
        view.getUint16(at + socketData.localPort, true),
        view.getUint16(at + socketData.remotePort, true),
        bytes.slice(at + socketData.localIp + 12, at + socketData.localIp + 16).join("."),
      ])
    }
    return { told, length }
  }
  return { complete, ends, left }
}

/** No process has it. */
const gone = 4_194_305

describe("CompatEnds", () => {
  it("finds both ends in /proc, and keeps them until the connection is closed", async () => {
    const { client, fd, localPort, remotePort } = await connection()
    const { complete, ends } = make()
    const known = [localPort, remotePort, "127.0.0.1"]
    expect(complete(data({ fd })).told).toEqual([known])
    client.destroy()
    await once(client, "close")
    expect(readSocketInode(process.pid, fd)).toBeUndefined()
    expect(complete(data({ fd }), close(fd)).told).toEqual([known])
    expect(ends.counters).toMatchObject({ compat_found_total: 1, compat_guessed_total: 0 })
    expect(complete(data({ fd })).told).toEqual([[0, 0, "0.0.0.0"]])
  })

  it("leaves alone what is no socket of TCP, and takes only its events out", async () => {
    const { fd } = await connection()
    const { complete, left } = make()
    // Standard input of a test is a pipe or a file.
    const [one, none] = [data({ fd }), data({ fd: 0, generation: 7 })]
    const { length, told } = complete(none, one, none, close(3), none)
    expect(told).toHaveLength(1)
    expect(length).toBe(one.length + close(3).length)
    expect(left).toEqual([7])
  })

  it("leaves alone excluded ports", async () => {
    const { fd, remotePort } = await connection()
    const { complete, left } = make({ isExcluded: (port) => port === remotePort })
    expect(complete(data({ fd })).told).toEqual([])
    expect(left).toEqual([1])
  })

  it("of what is over says what the calls said, and the port that a server listens on", () => {
    const { complete } = make({ listening: () => [{ ip: mapped([0, 0, 0, 0]), port: 8_080 }] })
    const peer = [[10, 0, 0, 7], 40_001] as const
    expect(complete(data({ pid: gone, fd: 9, role: 2, remote: peer })).told).toEqual([
      [8_080, 40_001, "0.0.0.0"],
    ])
    const local = [[127, 0, 0, 1], 40_002] as const
    expect(complete(data({ pid: gone, fd: 10, role: 2, remote: local })).told).toEqual([
      [8_080, 40_002, "127.0.0.1"],
    ])
    expect(complete(data({ pid: gone, fd: 11, role: 1, remote: local })).told).toEqual([
      [0, 40_002, "127.0.0.1"],
    ])
    const several = make({ listening: () => [80, 81].map((port) => ({ ip: mapped([0, 0, 0, 0]), port })) })
    expect(several.complete(data({ pid: gone, fd: 9, role: 2, remote: peer })).told).toEqual([
      [0, 40_001, "0.0.0.0"],
    ])
  })

  it("knows connections that were there before it, unless the kernel saw another begin", () => {
    const socket = {
      ip: mapped([10, 0, 0, 1]),
      port: 5,
      remoteIp: mapped([10, 0, 0, 2]),
      remotePort: 6,
      inode: 1,
    }
    const { complete } = make({ older: new Map([[descriptorText(gone, 3), socket]]) })
    expect(complete(data({ pid: gone, fd: 3 })).told).toEqual([[5, 6, "10.0.0.1"]])
    const later = data({ pid: gone, fd: 3, generation: 2, role: 1, remote: [[10, 0, 0, 3], 7] })
    expect(complete(later).told).toEqual([[0, 7, "0.0.0.0"]])
  })

  it("holds a bounded number of connections", () => {
    const { complete, ends } = make()
    for (let generation = 1; generation <= 65_600; generation++)
      complete(data({ pid: gone, fd: 3, generation }))
    expect(ends.size).toBe(65_536)
  })

  it("stops at a record that claims more than there is", () => {
    const { complete } = make()
    const bad = data({ pid: gone, fd: 3 })
    new DataView(bad.buffer).setUint32(0, 1_000_000, true)
    expect(complete(bad).length).toBe(0)
  })
})
