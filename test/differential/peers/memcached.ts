import { connect } from "node:net"
import { setTimeout as sleep } from "node:timers/promises"
import { memcached as server } from "../../system/support/servers.ts"
import type { Peer } from "../Peer.ts"

/** Debian has no client: the text protocol by hand. */
const talk = async (port: number, lines: ReadonlyArray<string>): Promise<void> => {
  const socket = connect(port, "127.0.0.1")
  const answered = () => new Promise<void>((resolve) => socket.once("data", () => resolve()))
  for (const line of lines) {
    const answer = answered()
    socket.write(`${line}\r\n`)
    await Promise.race([answer, sleep(2_000)])
  }
  socket.end()
}

const commands = ["set", "get", "add", "append", "incr", "delete", "version"]
const answers = ["STORED", "END", "NOT_STORED", "DELETED", "NOT_FOUND"]

export const memcached: Peer = {
  name: "memcached",
  programs: ["/usr/bin/memcached"],
  transport: "tcp",
  start: server,
  drive: async (port) => {
    await talk(port, [
      "set cup 0 0 3\r\ntea",
      "get cup",
      "get nothing",
      "add cup 0 0 1\r\nx",
      "append cup 0 0 1\r\n!",
      "set number 0 0 1\r\n1",
      "incr number 5",
      "incr cup 1",
      "touch cup 100",
      "delete cup",
      "delete cup",
      "nosuch",
      "version",
    ])
  },
  dissector: "memcache",
  fields: ["memcache.command", "memcache.key", "memcache.response"],
  theirs: (packets) => ({
    requests: packets.flatMap((packet) => packet["memcache.command"]!),
    responses: packets.flatMap((packet) => packet["memcache.response"]!),
  }),
  // Of commands and answers it knows some; of an answer with values it shows no words.
  ours: (message) => {
    const [known, word] =
      message["msg"] === "request"
        ? [commands, message["request_type"]]
        : [answers, message["response_result"]]
    return known.find((name) => name === word)
  },
}
