// Child of overhead.ts: HTTP requests at a steady rate over 16 kept-alive connections, one outstanding on each. A server that is
// driven to its limit competes with the agent for the cores; at a steady rate what differs is the cost of a request.
// Usage: steadyLoad.ts PORT REQUESTS_PER_SECOND.

import { connect, type Socket } from "node:net"

const [port, perSecond] = process.argv.slice(2).map(Number) as [number, number]
const connections = 16
const request = Buffer.from(`GET /index.html HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`)

const idle: Array<Socket> = []

/** Bytes of an answer: all are of the same length. */
const answerBytes = (chunk: Buffer): number => {
  const head = chunk.indexOf("\r\n\r\n") + 4
  return head + Number(/content-length: (\d+)/i.exec(chunk.toString("latin1", 0, head))?.[1] ?? 0)
}

for (let i = 0; i < connections; i++) {
  const socket = connect(port, "127.0.0.1", () => idle.push(socket))
  socket.setNoDelay(true)
  let length = 0
  let received = 0
  socket.on("data", (chunk) => {
    if (length === 0) length = answerBytes(chunk)
    received += chunk.length
    if (received < length) return
    received -= length
    idle.push(socket)
  })
}

const startedMs = performance.now()
let sent = 0
setInterval(() => {
  const due = ((performance.now() - startedMs) / 1_000) * perSecond
  // What could not be sent in time is not made up for.
  if (due - sent > perSecond / 20) sent = due - 1
  for (; sent < due; sent++) {
    const socket = idle.shift()
    if (socket === undefined) return
    socket.write(request)
  }
}, 1)
