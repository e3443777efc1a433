import { Buffer } from "node:buffer"
import { redis as server } from "../../system/support/programs.ts"
import type { Peer } from "../Peer.ts"
import { run } from "../run.ts"

export const redis: Peer = {
  name: "redis",
  programs: ["/usr/bin/redis-server", "redis-cli"],
  transport: "tcp",
  start: () => server(),
  drive: (port) => {
    const cli = (...words: ReadonlyArray<string>) =>
      run("redis-cli", ["-p", `${port}`, ...words], { mayFail: true })
    cli("SET", "user:7", "Ann")
    cli("GET", "user:7")
    cli("GET", "nobody")
    cli("INCR", "user:7")
    cli("HSET", "h", "a", "1", "b", "2")
    cli("HGETALL", "h")
    cli("LPUSH", "user:7", "x")
    // Many in one connection.
    run("redis-cli", ["-p", `${port}`], {
      input: "SET a 1\nINCR a\nGET a\nLPUSH l 1 2 3\nLRANGE l 0 -1\nHGET a b\nNOSUCH x\n",
    })
  },
  dissector: "resp",
  fields: ["resp.array.length", "resp.bulk_string.value", "resp.error"],
  theirs: (packets, port) => ({
    requests: packets
      .filter((packet) => packet["dstport"]!.includes(`${port}`))
      .flatMap((packet) => {
        let at = 0
        return packet["resp.array.length"]!.map((length) => {
          const words = packet["resp.bulk_string.value"]!.slice(at, at + Number(length))
          at += Number(length)
          // It prints them in hexadecimal.
          return words.map((word) => Buffer.from(word, "hex").toString()).join(" ")
        })
      }),
    responses: packets.flatMap((packet) => packet["resp.error"]!),
  }),
  ours: (message) =>
    message["msg"] === "request"
      ? `${message["request_resource"]}`
      : (message["response_exception"] as string | undefined),
}
