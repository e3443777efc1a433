import { createServer, connect, type AddressInfo } from "node:net"
import { describe, expect, it } from "vitest"
import { ipText } from "../../model/ipText.ts"
import { listPids, readProcess, readSocketInodes, readTcpSockets } from "./procfs.ts"

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

  it.each(["127.0.0.1", "::1"])(
    "finds a connection over %s in the kernel's table, and who holds it",
    async (host) => {
      const server = createServer()
      await new Promise<void>((resolve) => server.listen(0, host, () => resolve()))
      const { port } = server.address() as AddressInfo
      const client = connect(port, host)
      await new Promise<void>((resolve) => client.once("connect", () => resolve()))
      const sockets = readTcpSockets()
      const inodes = new Set(readSocketInodes(process.pid))
      const listening = sockets.find((socket) => socket.state === 10 && socket.localPort === port)
      expect(listening && ipText(listening.localIp)).toBe(host)
      expect(inodes.has(listening!.inode)).toBe(true)
      const established = sockets.find(
        (socket) => socket.state === 1 && socket.localPort === client.localPort,
      )
      expect(established && [ipText(established.remoteIp), established.remotePort]).toEqual([host, port])
      client.destroy()
      server.close()
    },
  )

  it("answers nothing for a process that is gone", () => {
    expect(readProcess(4_194_305)).toBeUndefined()
    expect(readSocketInodes(4_194_305)).toEqual([])
    expect(readTcpSockets(4_194_305)).toEqual([])
  })
})
