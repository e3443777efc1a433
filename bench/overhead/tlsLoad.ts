// The counterpart of load.c for HTTPS: 16 kept-alive connections, requests at a steady rate, and SIGUSR2 makes it print
// "REQUESTS P50 P99" of the time since the last one.
// Usage: tlsLoad.ts PORT REQUESTS_PER_SECOND.

import { connect, type TLSSocket } from "node:tls"

const [port, perSecond] = process.argv.slice(2).map(Number) as [number, number]
const connections = 16
const request = Buffer.from(`GET /index.html HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`)

const idle: Array<TLSSocket> = []
let latencies: Array<number> = []

/** Bytes of an answer: all are of the same length. */
const answerBytes = (chunk: Buffer): number => {
  const head = chunk.indexOf("\r\n\r\n") + 4
  return head + Number(/content-length: (\d+)/i.exec(chunk.toString("latin1", 0, head))?.[1] ?? 0)
}

const sentMs = new Map<TLSSocket, number>()
for (let i = 0; i < connections; i++) {
  const socket = connect({ port, host: "127.0.0.1", rejectUnauthorized: false }, () => idle.push(socket))
  socket.setNoDelay(true)
  let length = 0
  let received = 0
  socket.on("data", (chunk: Buffer) => {
    if (length === 0) length = answerBytes(chunk)
    received += chunk.length
    if (received < length) return
    received -= length
    latencies.push(performance.now() - sentMs.get(socket)!)
    idle.push(socket)
  })
}

const quantile = (q: number): number => Math.round((latencies[Math.floor(latencies.length * q)] ?? 0) * 1_000)

process.on("SIGUSR2", () => {
  latencies.sort((a, b) => a - b)
  console.log(`${latencies.length} ${quantile(0.5)} ${quantile(0.99)}`)
  latencies = []
})

const startedMs = performance.now()
let sent = 0
setInterval(() => {
  const due = ((performance.now() - startedMs) / 1_000) * perSecond
  // What could not be sent in time is not made up for.
  if (due - sent > perSecond / 20) sent = due - 1
  for (; sent < due; sent++) {
    const socket = idle.shift()
    if (socket === undefined) return
    sentMs.set(socket, performance.now())
    socket.write(request)
  }
}, 1)
