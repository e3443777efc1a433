// Sonde against tshark on what real servers and clients say to each other: the same requests, the same codes.

import { userInfo } from "node:os"
import { expect, it } from "vitest"
import { compare } from "./compare.ts"
import type { Peer } from "./Peer.ts"
import { amqp } from "./peers/amqp.ts"
import { dns } from "./peers/dns.ts"
import { http } from "./peers/http.ts"
import { ldap } from "./peers/ldap.ts"
import { memcached } from "./peers/memcached.ts"
import { mqtt } from "./peers/mqtt.ts"
import { mysql } from "./peers/mysql.ts"
import { postgresql } from "./peers/postgresql.ts"
import { redis } from "./peers/redis.ts"
import { isThere } from "./run.ts"

const peers: ReadonlyArray<Peer> = [http, redis, mysql, postgresql, mqtt, amqp, memcached, dns, ldap]
const isRoot = userInfo().uid === 0

for (const peer of peers) {
  const missing = ["tshark", "dumpcap", ...peer.programs].filter((program) => !isThere(program))
  const reason = !isRoot ? "capturing needs root" : missing.length > 0 ? `missing: ${missing.join(", ")}` : ""
  if (reason !== "") console.warn(`SKIPPED: ${peer.name} against tshark: ${reason}`)
  it.skipIf(reason !== "")(`${peer.name}: the same as tshark says`, async () => {
    const { ours, theirs } = await compare(peer)
    expect(theirs.requests.length).toBeGreaterThan(4)
    expect(theirs.responses.length).toBeGreaterThan(2)
    expect(ours).toEqual(theirs)
  })
}
