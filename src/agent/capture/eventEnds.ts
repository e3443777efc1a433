// The two ends of a socket event: the local one with the process that made the system call.

import { type Connection, Side } from "../flow/Connection.ts"
import { type Endpoint, makeEndpoint } from "../flow/Endpoint.ts"
import type { ProcessEntry, ProcessTable } from "../process/ProcessTable.ts"
import { socketData } from "./layout.gen.ts"

export const localEnd = (
  bytes: Uint8Array,
  view: DataView,
  at: number,
  processes: ProcessTable,
): Endpoint => {
  const end = makeEndpoint(bytes, at + socketData.localIp, view.getUint16(at + socketData.localPort, true))
  const pid = view.getUint32(at + socketData.tgid, true)
  nameEnd(end, pid, processes.get(pid), comm16(bytes, at + socketData.comm))
  return end
}

export const remoteEnd = (bytes: Uint8Array, view: DataView, at: number): Endpoint =>
  makeEndpoint(bytes, at + socketData.remoteIp, view.getUint16(at + socketData.remotePort, true))

/** `comm` stands for the names of a process that is gone already. */
export const nameEnd = (end: Endpoint, pid: number, entry: ProcessEntry | undefined, comm: string): void => {
  end.processId = pid
  end.processName = entry?.info.comm ?? comm
  end.service = entry?.service ?? comm
  end.containerId = entry?.info.containerId ?? ""
}

export const comm16 = (bytes: Uint8Array, at: number): string => {
  let end = at
  while (end < at + 16 && bytes[end] !== 0) end++
  return decoder.decode(bytes.subarray(at, end))
}

const decoder = new TextDecoder()

/** Exact below 2^53, as addresses of programs are. */
export const readU64 = (view: DataView, at: number): number =>
  view.getUint32(at, true) + view.getUint32(at + 4, true) * 4_294_967_296

/** Whether the observed process is the server; undefined: not known yet. */
export const isServer = ({ client }: Connection): boolean | undefined =>
  client === Side.unknown ? undefined : client === Side.b
