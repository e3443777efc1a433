// What the fuzzer mutates: conversations of each protocol, from the recordings beside the parsers and from the conformance
// captures where they are at hand, as the parsers themselves were fed with them.

import { existsSync, globSync, readdirSync } from "node:fs"
import { basename, dirname, join } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import { packetStreams } from "../../src/agent/capture/packetStreams.ts"
import { readPackets } from "../../src/agent/capture/pcap/readPcap.ts"
import { ConnectionTable } from "../../src/agent/flow/ConnectionTable.ts"
import { PacketFlows } from "../../src/agent/flow/tcp/PacketFlows.ts"
import type { ConnectionParser, MessageSink, Protocol } from "../../src/agent/protocol/Protocol.ts"
import { readRecording } from "../../src/agent/protocol/recording.testing.ts"
import { fromClient, fromServer, type Run } from "../../src/agent/protocol/transcript.testing.ts"

export type Conversation = ReadonlyArray<Run>

const parsers = fileURLToPath(new URL("../../src/agent/protocol/", import.meta.url))
const captures = fileURLToPath(new URL("../../../shared/conformance/l7/", import.meta.url))

export const hasCaptures = existsSync(captures)

/** Of one protocol; more would mutate the same again. */
const maxConversations = 64
const maxRuns = 24
const maxRunBytes = 4_096

/** One letter's difference of spelling apart, folders are named as protocols are. */
const plain = (name: string): string => name.toLowerCase().replaceAll(/[^a-z0-9]/g, "")

/** Conversations that no recording has, so that every parser begins with something that it reads. */
const written: Readonly<Record<string, ReadonlyArray<Conversation>>> = {
  http1: [
    [
      fromClient(
        "POST /orders?page=2 HTTP/1.1\r\nHost: shop\r\nContent-Length: 5\r\ntraceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n\r\nhello",
      ),
      fromServer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nworld\r\n0\r\n\r\n"),
    ],
    [
      fromClient("GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"),
      fromServer("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"),
      fromClient("\x81\x85\x01\x02\x03\x04iggnl"),
      fromServer("\x81\x05hello\x88\x02\x03\xe8"),
    ],
  ],
  websocket: [[fromClient("\x81\x85\x01\x02\x03\x04iggnl"), fromServer("\x81\x05hello\x88\x02\x03\xe8")]],
  ping: [
    [
      fromClient("\x08\x00\xf7\xff\x00\x07\x00\x01abcdefgh"),
      fromServer("\x00\x00\xff\xff\x00\x07\x00\x01abcdefgh"),
    ],
  ],
}

/** The same protocol, telling `heard` of each connection and what it is fed with. */
const overheard = (protocol: Protocol, heard: (conversation: Array<Run>) => void): Protocol => ({
  ...protocol,
  connection: (sink: MessageSink, serverPort?: number): ConnectionParser => {
    const parser = protocol.connection(sink, serverPort)
    const runs: Array<Run> = []
    heard(runs)
    return {
      feed: (direction, bytes, start, end, missing, timeUs, tcpSeq) => {
        if (runs.length < maxRuns)
          runs.push({ direction, bytes: bytes.slice(start, Math.min(end, start + maxRunBytes)), missing })
        parser.feed(direction, bytes, start, end, missing, timeUs, tcpSeq)
      },
      close: (timeUs) => parser.close(timeUs),
    }
  },
})

/** Buffers share memory with their slices: what is changed must be plain bytes. */
const ownBytes = (conversation: Conversation): Conversation =>
  conversation.map((run) => ({ ...run, bytes: Uint8Array.from(run.bytes) }))

const fromCaptures = async (
  protocols: ReadonlyArray<Protocol>,
): Promise<Map<Protocol, Array<Conversation>>> => {
  const found = new Map<Protocol, Array<Conversation>>(protocols.map((protocol) => [protocol, []]))
  const files = readdirSync(captures, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".pcap"),
  )
  for (const file of files) {
    const connections = new ConnectionTable({
      protocols: protocols.map((protocol) =>
        overheard(protocol, (conversation) => found.get(protocol)!.push(conversation)),
      ),
      onSession: () => undefined,
      timeoutUs: 120_000_000,
    })
    const flows = new PacketFlows({ consumer: packetStreams({ connections }) })
    await readPackets(join(captures, file), (packet) =>
      flows.add(
        packet.bytes,
        packet.start,
        packet.end,
        packet.originalLength,
        packet.linkType,
        packet.timeUs,
      ),
    )
    flows.endAll()
    connections.closeAll(0)
  }
  return found
}

/** DNS over TCP is its datagrams, each behind its length; SOME/IP is the same on both. */
const asStream = (conversation: Conversation, name: string): Conversation =>
  name !== "dns"
    ? conversation
    : conversation.map((run) => ({
        ...run,
        bytes: Uint8Array.of(run.bytes.length >> 8, run.bytes.length & 0xff, ...run.bytes),
      }))

/** Conversations for each of `protocols`, at most 64 each; none where nothing is known. */
export const readSeeds = async (
  protocols: ReadonlyArray<Protocol>,
): Promise<ReadonlyMap<Protocol, ReadonlyArray<Conversation>>> => {
  const captured = hasCaptures ? await fromCaptures(protocols) : new Map<Protocol, Array<Conversation>>()
  const recordings = globSync("*/recordings/*.jsonl", { cwd: parsers })
  const found = new Map(
    protocols.map((protocol) => {
      const own = recordings
        .filter((file) => plain(basename(dirname(dirname(file)))) === plain(protocol.name))
        .map((file) => readRecording(pathToFileURL(join(parsers, file))))
      const all = [
        ...(written[plain(protocol.name)] ?? []),
        ...own,
        ...(captured.get(protocol) ?? []).filter((conversation) => conversation.length > 0),
      ].map(ownBytes)
      // Spread over all files rather than the first ones.
      const step = Math.max(1, all.length / maxConversations)
      return [
        protocol,
        Array.from({ length: Math.min(all.length, maxConversations) }, (_, i) => all[Math.floor(i * step)]!),
      ]
    }),
  )
  // What was seen on datagrams alone is told on streams in the same way.
  for (const [protocol, own] of found) {
    if (own.length > 0) continue
    const others = protocols.filter((other) => other.name === protocol.name && other !== protocol)
    found.set(
      protocol,
      others.flatMap((other) => found.get(other)!.map((seed) => asStream(seed, protocol.name))),
    )
  }
  return found
}
