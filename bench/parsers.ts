// CPU per message of the protocol parsers, from bytes to messages and on to paired sessions with their rows and metrics, against
// the flow table in plain C (flowTable.c) per packet: they take turns in one run, and the cheapest round of each counts.
// Usage: node bench/parsers.ts.

import { mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { Side } from "../src/agent/flow/Connection.ts"
import { noCall } from "../src/agent/flow/CallSite.ts"
import { systemCalls } from "../src/agent/flow/connections.testing.ts"
import { Pipeline } from "../src/agent/Pipeline.ts"
import {
  type Exchange,
  http1Exchanges,
  mysqlExchanges,
  postgresqlExtendedExchanges,
  postgresqlSimpleExchanges,
  redisExchanges,
} from "../src/agent/protocol/exchanges.testing.ts"
import { Direction, type MessageSink, type Protocol } from "../src/agent/protocol/Protocol.ts"
import { makeProtocols } from "../src/agent/protocol/protocols.ts"
import { readRecording } from "../src/agent/protocol/recording.testing.ts"
import { compileReference, runReference, writeReferencePackets } from "./flowTable.ts"
import { print, type Result } from "./Result.ts"

const typicalRounds = 25
const recordedRounds = 8
const referenceRounds = 2
/** Messages of a round at least, so that reading the clock costs nothing. */
const messagesOfRound = 20_000
const command = "npm run bench parsers"
/** As capture tells it: too large for a small integer of V8. */
const startUs = 1_700_000_000_000_000
/** The bars in nanoseconds stand for a machine on which the reference takes so many a packet. */
const referenceNs = 130

interface Traffic {
  readonly name: string
  readonly protocol: string
  /** Nanoseconds a message where the reference takes `referenceNs`; absent: only told. */
  readonly bar?: number
  /** Conversations, each on a connection of its own. */
  readonly conversations: ReadonlyArray<Conversation>
}

interface Step {
  readonly direction: Direction
  readonly bytes: Uint8Array
}
type Conversation = ReadonlyArray<Step>

const conversationOf = (exchanges: ReadonlyArray<Exchange>): Conversation =>
  exchanges.flatMap(({ answer, request }) => [
    { direction: Direction.toServer, bytes: request },
    { direction: Direction.toClient, bytes: answer },
  ])

const typical: ReadonlyArray<Traffic> = [
  {
    name: "HTTP/1, GET with 8 headers",
    protocol: "http1",
    bar: 700,
    conversations: [conversationOf(http1Exchanges())],
  },
  {
    name: "Redis, GET and SET",
    protocol: "redis",
    bar: 300,
    conversations: [conversationOf(redisExchanges())],
  },
  {
    name: "MySQL, SELECT with 5 rows",
    protocol: "mysql",
    bar: 300,
    conversations: [conversationOf(mysqlExchanges())],
  },
  {
    name: "PostgreSQL, simple SELECT with 5 rows",
    protocol: "postgresql",
    bar: 300,
    conversations: [conversationOf(postgresqlSimpleExchanges())],
  },
  {
    name: "PostgreSQL, extended SELECT with 5 rows",
    protocol: "postgresql",
    bar: 300,
    conversations: [conversationOf(postgresqlExtendedExchanges())],
  },
]

/** What real clients and servers said to each other, of every protocol that has such recordings. */
const recorded = (): ReadonlyArray<Traffic> => {
  const folder = fileURLToPath(new URL("../src/agent/protocol/", import.meta.url))
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => file.includes("recordings") && file.endsWith(".jsonl"))
    .toSorted()
  return [...Map.groupBy(files, (file) => file.split("/")[0]!)].map(([protocol, own]) => ({
    name: `${protocol}, recorded`,
    protocol,
    conversations: own.map((file) => readRecording(new URL(`file://${folder}${file}`))),
  }))
}

class CountingSink implements MessageSink {
  messages = 0
  message(): void {
    this.messages++
  }
  leave(): void {}
  desync(): void {}
}

/** Feeds the conversations to parsers until there were enough messages; returns how many. */
const parse = (protocol: Protocol, { conversations }: Traffic): number => {
  const sink = new CountingSink()
  let timeUs = startUs
  do {
    for (const conversation of conversations) {
      const parser = protocol.connection(sink)
      for (const { bytes, direction } of conversation)
        parser.feed(direction, bytes, 0, bytes.length, 0, timeUs++, 0)
      parser.close(timeUs)
    }
    if (sink.messages === 0) throw new Error(`nothing was read of ${protocol.name}`)
  } while (sink.messages < messagesOfRound)
  return sink.messages
}

/** The same through a whole pipeline of the agent. */
const pair = (
  pipeline: Pipeline,
  counted: { messages: number },
  { conversations, protocol }: Traffic,
): number => {
  const hint = pipeline.protocols.find(({ name }) => name === protocol)?.protocol ?? 0
  const from = counted.messages
  let timeUs = startUs
  do {
    conversations.forEach((conversation, key) => {
      const connection = pipeline.connections.open(key, systemCalls(Side.a), timeUs)
      for (const { bytes, direction } of conversation) {
        const sender = direction === Direction.toServer ? Side.a : Side.b
        connection.feed(sender, bytes, 0, bytes.length, 0, timeUs++, 0, noCall, hint)
      }
      pipeline.connections.close(key, timeUs)
    })
    pipeline.flush(timeUs)
  } while (counted.messages - from < messagesOfRound)
  return counted.messages - from
}

const cpuNs = (work: () => number): number => {
  const before = process.cpuUsage()
  const count = work()
  const { system, user } = process.cpuUsage(before)
  return ((system + user) * 1_000) / count
}

/** What the traffics of one round cost, the cheapest round of each; the reference takes its turn in every round. */
const measure = (
  traffics: ReadonlyArray<Traffic>,
  rounds: number,
  reference: () => number,
): ReadonlyArray<Result> => {
  const protocols = makeProtocols()
  const counted = { messages: 0 }
  const pipeline = new Pipeline({
    maskLiterals: true,
    sessionTimeoutUs: 120_000_000,
    maxConnections: 1_024,
    flowIdSeed: 1,
    emit: () => {},
    onSession: ({ request, response }) => {
      counted.messages += (request === null ? 0 : 1) + (response === null ? 0 : 1)
    },
  })
  const entries = traffics.map((traffic) => {
    const protocol = protocols.find(({ name }) => name === traffic.protocol)
    if (protocol === undefined) throw new Error(`there is no protocol ${traffic.protocol}`)
    return { traffic, protocol, parseNs: Infinity, pairNs: Infinity }
  })
  let cNs = Infinity
  for (let round = 0; round < rounds; round++) {
    cNs = Math.min(cNs, reference())
    for (const entry of entries) {
      entry.parseNs = Math.min(
        entry.parseNs,
        cpuNs(() => parse(entry.protocol, entry.traffic)),
      )
      entry.pairNs = Math.min(
        entry.pairNs,
        cpuNs(() => pair(pipeline, counted, entry.traffic)),
      )
    }
  }
  return entries.map(({ pairNs, parseNs, traffic: { bar, name } }) => ({
    what: `parser, ${name}: CPU per message over that of C's flow table per packet`,
    bar: bar === undefined ? "" : `at most ${(bar / referenceNs).toFixed(2)}`,
    measured:
      `${(parseNs / cNs).toFixed(2)} (${parseNs.toFixed(0)} ns; C ${cNs.toFixed(0)} ns);` +
      ` to session, row and metrics ${(pairNs / cNs).toFixed(2)} (${pairNs.toFixed(0)} ns)`,
    ...(bar === undefined ? {} : { isMet: parseNs / cNs <= bar / referenceNs }),
    command,
  }))
}

export const parsers = async (): Promise<ReadonlyArray<Result>> => {
  const folder = mkdtempSync(join(tmpdir(), "sonde-parsers-"))
  try {
    const pcap = join(folder, "flows.pcap")
    const packets = writeReferencePackets(pcap)
    const binary = compileReference(folder)
    const reference = () => runReference(binary, pcap, referenceRounds)["cpu_ns"]! / packets
    return [...measure(typical, typicalRounds, reference), ...measure(recorded(), recordedRounds, reference)]
  } finally {
    rmSync(folder, { recursive: true })
  }
}

if (import.meta.main) for (const result of await parsers()) print(result)
