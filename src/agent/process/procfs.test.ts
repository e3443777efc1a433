import { createServer, connect, type AddressInfo } from "node:net"
import { describe, expect, it } from "vitest"
import { ipText } from "../../model/ipText.ts"
import { hasChanged, listPids, readDescriptors, readListeningSockets, readProcess } from "./procfs.ts"

describe("procfs", () => {
  it("reads this process", () => {
    expect(listPids()).toContain(process.pid)
    expect(readProcess(process.pid)).toMatchObject({
      pid: process.pid,
      parentPid: process.ppid,
      uid: process.getuid!(),
      exe: process.execPath,
    })
  })

  it("finds out with less reading whether a process has another title, name or user", () => {
    const info = readProcess(process.pid)!
    expect(hasChanged(info)).toBe(false)
    expect(hasChanged({ ...info, comm: `${info.comm}x` })).toBe(true)
    expect(hasChanged({ ...info, uid: info.uid + 1 })).toBe(true)
    expect(hasChanged({ ...info, args: [...info.args, "more"] })).toBe(true)
    expect(hasChanged({ ...info, args: info.args.map((part) => `${part}x`) })).toBe(true)
  })

  it.each(["127.0.0.1", "::1"])(
    "finds who listens on %s in the kernel's table, and who holds the socket",
    async (host) => {
      const server = createServer()
      await new Promise<void>((resolve) => server.listen(0, host, () => resolve()))
      const { port } = server.address() as AddressInfo
      const client = connect(port, host)
      await new Promise<void>((resolve) => client.once("connect", () => resolve()))
      const sockets = readListeningSockets()
      const listening = sockets.find((socket) => socket.port === port)
      expect(listening && ipText(listening.ip)).toBe(host)
      expect(readDescriptors(process.pid).sockets).toContain(listening!.inode)
      expect(sockets.some((socket) => socket.port === client.localPort)).toBe(false)
      client.destroy()
      server.close()
    },
  )

  it("answers nothing for a process that is gone", () => {
    expect(readProcess(4_194_305)).toBeUndefined()
    expect(readDescriptors(4_194_305)).toEqual({ sockets: [], fds: [] })
    expect(readListeningSockets(4_194_305)).toEqual([])
  })
})
