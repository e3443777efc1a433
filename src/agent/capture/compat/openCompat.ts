// What capture on an old kernel needs at its start: connections that are older than it, of which no call was seen that made them.

import { socketKey, verdictLeave } from "../layout.gen.ts"
import type { SocketTracer } from "../native/SocketTracer.ts"
import type { ProcessTable } from "../../process/ProcessTable.ts"
import { listPids, readDescriptors, readNetns, readTcpSockets, type TcpSocket } from "../../process/procfs.ts"
import { CompatEnds, descriptorText } from "./CompatEnds.ts"

/** The kernel's table has room for so many. */
const most = 65_536

interface OlderConnection {
  readonly pid: number
  readonly fd: number
  readonly socket: TcpSocket
}

const olderConnections = (): ReadonlyArray<OlderConnection> => {
  const tables = new Map<string, ReadonlyMap<number, TcpSocket>>()
  const found: Array<OlderConnection> = []
  for (const pid of listPids()) {
    const { fds, sockets } = readDescriptors(pid)
    if (sockets.length === 0) continue
    const netns = readNetns(pid)
    let table = tables.get(netns)
    if (table === undefined) tables.set(netns, (table = readTcpSockets(pid)))
    for (let i = 0; i < fds.length && found.length < most; i++) {
      const socket = table.get(sockets[i]!)
      if (socket !== undefined) found.push({ pid, fd: fds[i]!, socket })
    }
  }
  return found
}

/** Tells the kernel side of all connections there are, and completes what it tells of them. */
export const openCompat = (
  tracer: SocketTracer,
  processes: ProcessTable,
  isExcluded: (port: number) => boolean,
): CompatEnds => {
  const older = olderConnections()
  tracer.tellDescriptors(older)
  const key = new Uint8Array(socketKey.size)
  const view = new DataView(key.buffer)
  return new CompatEnds({
    older: new Map(older.map(({ fd, pid, socket }) => [descriptorText(pid, fd), socket])),
    isExcluded,
    listening: (pid) => processes.listening(pid),
    leave: (socket, generation) => {
      key.set(socket, socketKey.socket)
      view.setUint32(socketKey.generation, generation, true)
      tracer.decideSockets(key, Uint8Array.of(verdictLeave))
    },
  })
}
