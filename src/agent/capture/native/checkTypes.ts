// Whether offsets that come from a file are those of this kernel, by an exchange of which everything is known: this process writes to
// itself over TCP, and the event has to tell the same ports and bytes. Other offsets would give wrong addresses without a word.

import { once } from "node:events"
import { type AddressInfo, connect, createServer } from "node:net"
import { setTimeout as sleep } from "node:timers/promises"
import type { Feature } from "../../../model/AgentStatus.ts"
import { eventKind, socketData } from "../layout.gen.ts"
import { typesNext } from "./privileges.ts"

const request = Buffer.from("GET /sonde-checks-the-types-of-this-kernel HTTP/1.1\r\n\r\n")
const looks = 40
const lookMs = 25
const bufferBytes = 1_048_576

const isOurs = (bytes: Buffer, localPort: number, remotePort: number): boolean => {
  const loopback = Buffer.from("00000000000000000000ffff7f000001", "hex")
  for (let at = 0; at + 8 <= bytes.length;) {
    const size = bytes.readUInt32LE(at)
    const start = at + 8
    at = start + ((size + 7) & ~7)
    if (size < socketData.size || bytes.readUInt32LE(start) !== eventKind.data) continue
    if (
      bytes.readUInt16LE(start + socketData.localPort) === localPort &&
      bytes.readUInt16LE(start + socketData.remotePort) === remotePort &&
      loopback.equals(bytes.subarray(start + socketData.localIp, start + socketData.localIp + 16)) &&
      loopback.equals(bytes.subarray(start + socketData.remoteIp, start + socketData.remoteIp + 16)) &&
      request.equals(bytes.subarray(start + socketData.size, start + socketData.size + request.length))
    )
      return true
  }
  return false
}

/** To be asked before anything is excluded; what else comes meanwhile is lost. */
export const areTypesRight = async (tracer: { poll(destination: Uint8Array): number }): Promise<boolean> => {
  const server = createServer((socket) => socket.resume()).listen(0, "127.0.0.1")
  await once(server, "listening")
  const client = connect((server.address() as AddressInfo).port, "127.0.0.1")
  try {
    await once(client, "connect")
    client.write(request)
    const buffer = Buffer.alloc(bufferBytes)
    for (let i = 0; i < looks; i++) {
      await sleep(lookMs)
      const length = tracer.poll(buffer)
      if (isOurs(buffer.subarray(0, length), client.localPort!, client.remotePort!)) return true
    }
    return false
  } finally {
    client.destroy()
    server.close()
  }
}

/** What there is not, where they are of another kernel. */
export const wrongTypes = (file: string): Feature => ({
  name: "types of this kernel",
  on: false,
  hook: "",
  missing: `the types in ${file} are not those of this kernel: an exchange of which everything is known was told otherwise`,
  next: typesNext,
})
