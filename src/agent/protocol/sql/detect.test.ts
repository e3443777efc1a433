// The databases' detection on captures of all other protocols: each run of bytes, not only the first ones, must not convince it.

import { Buffer } from "node:buffer"
import { existsSync, readdirSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { packetStreams } from "../../capture/packetStreams.ts"
import { readPackets } from "../../capture/pcap/readPcap.ts"
import { ConnectionTable } from "../../flow/ConnectionTable.ts"
import { PacketFlows } from "../../flow/tcp/PacketFlows.ts"
import { makeMemcached } from "../memcached/memcached.ts"
import { makeMongodb } from "../mongodb/mongodb.ts"
import { makeMysql } from "../mysql/mysql.ts"
import { makePostgresql } from "../postgresql/postgresql.ts"
import { Evidence, type Protocol } from "../Protocol.ts"

const root = new URL("../../../../../shared/conformance/l7/", import.meta.url).pathname
const captures = existsSync(root)
  ? readdirSync(root).flatMap((folder) =>
      readdirSync(root + folder)
        .filter((name) => name.endsWith(".pcap"))
        .map((name) => `${folder}/${name}`),
    )
  : []
if (captures.length === 0) console.warn(`SKIPPED: no captures of other protocols at ${root}`)

/** Feeds every run of bytes of a capture to `detect`. */
const ask = async (capture: string, protocol: Protocol): Promise<void> => {
  const connections = new ConnectionTable({
    protocols: [protocol],
    maxConnections: 1024,
    timeoutUs: 1,
    flowIdSeed: 0,
    onSession: () => {},
  })
  const flows = new PacketFlows({ consumer: packetStreams({ connections }) })
  await readPackets(root + capture, (packet) => {
    flows.add(packet.bytes, packet.start, packet.end, packet.originalLength, packet.linkType, packet.timeUs)
  })
  flows.endAll()
}

describe.skipIf(captures.length === 0)("captures of other protocols", () => {
  const own: ReadonlyArray<readonly [string, Protocol]> = [
    ["mysql", makeMysql()],
    ["postgre", makePostgresql()],
    ["mongo", makeMongodb()],
    ["memcached", makeMemcached()],
  ]
  it.each(own)("are never taken for %s", async (folder, protocol) => {
    const taken: Array<string> = []
    let runs = 0
    for (const capture of captures) {
      if (capture.startsWith(`${folder}/`)) continue
      await ask(capture, {
        ...protocol,
        detect: (bytes, start, end) => {
          runs++
          const evidence = protocol.detect(bytes, start, end)
          if (evidence === Evidence.request || evidence === Evidence.response) {
            const shown = Buffer.from(bytes.subarray(start, Math.min(end, start + 24))).toString("latin1")
            taken.push(`${capture}: ${evidence} ${JSON.stringify(shown)}`)
          }
          return Evidence.unclear
        },
      })
    }
    expect(taken).toEqual([])
    expect(runs).toBeGreaterThan(captures.length)
  })
})
