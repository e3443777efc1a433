// Redis over one connection: commands are written at once and answered in order. For simple replies, bulk strings and errors only.

import { connect } from "node:net"

export type RedisLink = (...words: ReadonlyArray<string>) => Promise<string>

export const redisLink = (port: number): RedisLink => {
  const socket = connect(port, "127.0.0.1").setNoDelay(true)
  const waiting: Array<(reply: string) => void> = []
  let rest = ""
  socket.on("data", (data) => {
    rest += data.toString("latin1")
    for (let end = rest.indexOf("\r\n"); end >= 0; end = rest.indexOf("\r\n")) {
      const length = rest.startsWith("$") ? Number(rest.slice(1, end)) : -1
      const used = end + 2 + (length >= 0 ? length + 2 : 0)
      if (rest.length < used) return
      const reply = length >= 0 ? rest.slice(end + 2, used - 2) : rest.slice(1, end)
      rest = rest.slice(used)
      waiting.shift()!(reply)
    }
  })
  return (...words) =>
    new Promise((resolve) => {
      waiting.push(resolve)
      const bulks = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`)
      socket.write(`*${words.length}\r\n${bulks.join("")}`)
    })
}
