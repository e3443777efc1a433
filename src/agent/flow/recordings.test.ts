// Recorded conversations through a connection that is asked for its protocol among all: recognised, sides known, all paired.

import { readdirSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { makeProtocols } from "../protocol/protocols.ts"
import { Direction } from "../protocol/Protocol.ts"
import { readRecording } from "../protocol/recording.testing.ts"
import { noCall } from "./CallSite.ts"
import { Connection, Side } from "./Connection.ts"
import { systemCalls } from "./connections.testing.ts"
import { type Session, SessionEnd } from "./Session.ts"
import { makePairBudget } from "./SessionPairs.ts"

const protocols = makeProtocols().filter((protocol) => protocol.transports === undefined)

/** The sessions of a recording of which the first `skipped` runs were not seen. */
const through = (file: URL, skipped: number) => {
  const sessions: Array<Session> = []
  const connection = new Connection(1, 1, systemCalls(Side.unknown), {
    protocols,
    budget: makePairBudget(),
    onSession: (session) => sessions.push(session),
  })
  readRecording(file)
    .slice(skipped)
    .forEach(({ bytes, direction }, i) => {
      const sender = direction === Direction.toServer ? Side.a : Side.b
      connection.feed(sender, bytes, 0, bytes.length, 0, i + 1, 0, noCall, 0)
    })
  connection.close(1_000_000)
  return { connection, sessions }
}

describe("recordings", () => {
  for (const name of ["fastcgi", "clickhouse", "cassandra", "thrift", "oracle"]) {
    const folder = new URL(`../protocol/${name}/recordings/`, import.meta.url)
    for (const file of readdirSync(folder).filter((other) => other.endsWith(".jsonl"))) {
      it(`${name}/${file}`, () => {
        const { connection, sessions } = through(new URL(file, folder), 0)
        expect(connection.protocol?.name).toBe(name)
        expect(connection.client).toBe(Side.a)
        expect(sessions.length).toBeGreaterThan(0)
        for (const { end, request, response } of sessions) {
          expect(end).toBe(request?.isAsync === true ? SessionEnd.oneWay : SessionEnd.paired)
          expect(response?.endpoint ?? request?.endpoint).toBe(request?.endpoint)
        }
      })
    }
  }

  it("pair from the second exchange on where their beginning was not seen", () => {
    for (const file of [
      "fastcgi/recordings/php-fpm-nginx",
      "clickhouse/recordings/types",
      "cassandra/recordings/v5-lz4",
      "thrift/recordings/header",
    ]) {
      // prettier-ignore
      const url = new URL(`../protocol/${file}.jsonl`, import.meta.url)
      const whole = through(url, 0).sessions
      const { connection, sessions } = through(url, 2)
      expect(connection.client).toBe(Side.a)
      expect(sessions.map(({ request }) => request?.requestResource)).toEqual(
        whole.slice(1).map(({ request }) => request?.requestResource),
      )
    }
  })
})
