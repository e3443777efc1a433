// The load: so many clients at a time, each with one request after the other over one kept connection.

import { Agent, get, type IncomingMessage } from "node:http"
import { connect } from "node:http2"
import * as https from "node:https"
import { connect as connectSocket } from "node:net"
import { markOf } from "./marks.ts"

/** What the clients speak. */
export type Language = "http" | "https" | "grpc" | "nats"

export interface Drive {
  readonly port: number
  readonly language: Language
  /** Their numbers. */
  readonly requests: ReadonlyArray<number>
  readonly concurrency: number
}

const waitMs = 30_000

/** One client: each request fails that is not answered well. */
interface Client {
  readonly ask: (mark: string) => Promise<void>
  readonly close: () => void
}

const httpClient = (port: number, isTls: boolean): Client => {
  const kept = { keepAlive: true, maxSockets: 1 }
  const agent = isTls ? new https.Agent({ ...kept, rejectUnauthorized: false }) : new Agent(kept)
  const ask = (mark: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const path = `/work/${mark}`
      const take = (response: IncomingMessage): void => {
        const { statusCode } = response
        response
          .resume()
          .once("end", () => (statusCode === 200 ? resolve() : reject(new Error(`${path}: ${statusCode}`))))
          .once("error", reject)
      }
      const options = { agent, host: "127.0.0.1", port, path, timeout: waitMs }
      const asked = isTls ? https.get(options, take) : get(options, take)
      asked.once("error", reject)
      asked.once("timeout", () => asked.destroy(new Error(`${path}: no answer for ${waitMs} ms`)))
    })
  return { ask, close: () => agent.destroy() }
}

/** A message of two bytes, not compressed, with its length before it. */
const grpcMessage = Buffer.from([0, 0, 0, 0, 2, 8, 1])

const grpcClient = (port: number): Client => {
  const session = connect(`http://127.0.0.1:${port}`)
  const ask = (mark: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const path = `/work.${mark}/Ask`
      const stream = session.request({
        ":method": "POST",
        ":path": path,
        "content-type": "application/grpc",
        te: "trailers",
      })
      let status: unknown
      stream
        .once("trailers", (trailers) => (status = trailers["grpc-status"]))
        .once("end", () => (status === "0" ? resolve() : reject(new Error(`${path}: ${status}`))))
        .once("error", reject)
        .resume()
        .end(grpcMessage)
      stream.setTimeout(waitMs, () => stream.destroy(new Error(`${path}: no answer for ${waitMs} ms`)))
    })
  // Whoever asks hears of errors of the connection.
  session.on("error", () => {})
  return { ask, close: () => session.destroy() }
}

/** Publishes messages, and waits until each was worked on. */
const natsClient = (port: number, number: number): Client => {
  const socket = connectSocket(port, "127.0.0.1")
  const inbox = `_INBOX.${process.pid}.${port}.${number}`
  let told = ""
  let waiting: ((error?: Error) => void) | undefined
  socket.write(`CONNECT {"verbose":false,"name":"driver"}\r\nSUB ${inbox} 1\r\n`)
  socket.on("data", (bytes) => {
    told += bytes.toString("latin1")
    if (told.startsWith("PING") || told.includes("\r\nPING\r\n")) socket.write("PONG\r\n")
    if (!told.includes("\r\ndone\r\n")) return
    told = ""
    waiting?.()
  })
  socket.on("error", (error) => waiting?.(error))
  const ask = (mark: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`${mark}: no answer for ${waitMs} ms`)), waitMs)
      waiting = (error) => {
        clearTimeout(late)
        if (error === undefined) resolve()
        else reject(error)
      }
      socket.write(`PUB work.${mark} ${inbox} 2\r\ndo\r\n`)
    })
  return { ask, close: () => socket.destroy() }
}

const clientOf = (language: Language, port: number, number: number): Client => {
  switch (language) {
    case "grpc":
      return grpcClient(port)
    case "nats":
      return natsClient(port, number)
    default:
      return httpClient(port, language === "https")
  }
}

/** Makes the requests, and fails when one of them is not answered well. */
export const drive = async ({ concurrency, language, port, requests }: Drive): Promise<void> => {
  const waiting = requests.values()
  const client = async (_: unknown, number: number): Promise<void> => {
    const { ask, close } = clientOf(language, port, number)
    try {
      // All clients take from the same requests.
      for (const request of waiting) await ask(markOf(request))
    } finally {
      close()
    }
  }
  await Promise.all(Array.from({ length: Math.min(concurrency, requests.length) }, client))
}
