// For detection tests: the payloads of the conformance captures of other protocols, which a protocol must not take for its own.

import { existsSync, readdirSync } from "node:fs"
import { Packet, Parsed } from "../capture/packet/Packet.ts"
import { parsePacket } from "../capture/packet/parsePacket.ts"
import { readPackets } from "../capture/pcap/readPcap.ts"

const root = new URL("../../../../shared/conformance/l7/", import.meta.url).pathname

export const hasCaptures = existsSync(root)
if (!hasCaptures) console.warn(`SKIPPED: no conformance captures at ${root}`)

/** Calls `check` with each payload of TCP in one capture, `folder/name.pcap`, and its source port. */
export const eachPayload = async (
  file: string,
  check: (bytes: Uint8Array, start: number, end: number, sourcePort: number) => void,
): Promise<void> => {
  const packet = new Packet()
  await readPackets(`${root}${file}`, ({ bytes, start, end, originalLength, linkType, timeUs }) => {
    const parsed = parsePacket(packet, bytes, start, end, originalLength, linkType, timeUs)
    if (parsed === Parsed.tcp && packet.payloadStart < packet.payloadEnd)
      check(bytes, packet.payloadStart, packet.payloadEnd, packet.sourcePort)
  })
}

/** Calls `check` with each payload of TCP or UDP in the captures of all folders but those named. */
export const eachForeignPayload = async (
  own: ReadonlyArray<string>,
  check: (bytes: Uint8Array, start: number, end: number, file: string) => void,
): Promise<number> => {
  const packet = new Packet()
  let payloads = 0
  for (const folder of readdirSync(root).filter((name) => !own.includes(name))) {
    for (const file of readdirSync(root + folder).filter((name) => name.endsWith(".pcap"))) {
      await readPackets(
        `${root}${folder}/${file}`,
        ({ bytes, start, end, originalLength, linkType, timeUs }) => {
          const parsed = parsePacket(packet, bytes, start, end, originalLength, linkType, timeUs)
          if (parsed !== Parsed.tcp && parsed !== Parsed.udp) return
          if (packet.payloadStart === packet.payloadEnd) return
          payloads++
          check(bytes, packet.payloadStart, packet.payloadEnd, `${folder}/${file}`)
        },
      )
    }
  }
  return payloads
}
