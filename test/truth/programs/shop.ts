// A Node service as many are: Redis over one connection on which commands do not wait for each other's answers, PostgreSQL by a pool in
// which requests queue, HTTP by an agent that keeps connections. Which of them it asks is told by the ports it is given.
// Usage: node shop.ts '{"port": 1, ...}', the JSON of a `ShopOptions`.

import { readFileSync } from "node:fs"
import { createServer, Agent, get, type IncomingMessage, type ServerResponse } from "node:http"
import * as https from "node:https"
import { argv } from "node:process"
import { setTimeout as sleep } from "node:timers/promises"
import { postgresPool } from "./postgresPool.ts"
import { redisLink } from "./redisLink.ts"

/** Ports of 0 are not asked. */
export interface ShopOptions {
  readonly port: number
  readonly redis?: number
  readonly postgres?: number
  readonly http?: number
  /** Connections that it has at most to PostgreSQL, and to the HTTP server; more requests wait. */
  readonly connections?: number
  /** Milliseconds it rests at most before each call. */
  readonly restMs?: number
  /** Files with key and certificate: it speaks TLS, and to the HTTP server as well. */
  readonly key?: string
  readonly certificate?: string
}

const {
  certificate,
  connections = 10,
  http = 0,
  key,
  port,
  postgres = 0,
  redis = 0,
  restMs = 0,
} = JSON.parse(argv[2]!) as ShopOptions

const store = redis > 0 ? redisLink(redis) : undefined
const database = postgres > 0 ? postgresPool(postgres, connections) : undefined
const isSecure = key !== undefined && certificate !== undefined
const kept = { keepAlive: true, maxSockets: connections }
const agent = isSecure ? new https.Agent({ ...kept, rejectUnauthorized: false }) : new Agent(kept)

const fetchItem = (mark: string): Promise<void> =>
  new Promise((resolve, reject) => {
    const take = (response: IncomingMessage): void => {
      response.resume().once("end", resolve).once("error", reject)
    }
    const options = { agent, host: "127.0.0.1", port: http, path: `/item/${mark}` }
    const asked = isSecure ? https.get(options, take) : get(options, take)
    asked.once("error", reject)
  })

const rest = async (): Promise<void> => {
  if (restMs > 0) await sleep(Math.random() * restMs)
}

const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
  const mark = request.url!.slice(request.url!.lastIndexOf("/") + 1)
  if (store !== undefined) {
    await rest()
    await store("GET", `cart:${mark}`)
  }
  if (database !== undefined) {
    await rest()
    await database(`SELECT 1 AS ${mark}`)
  }
  if (http > 0) {
    await rest()
    await fetchItem(mark)
  }
  await rest()
  response.writeHead(200, { "content-length": 3 }).end("ok\n")
}

const listener = (request: IncomingMessage, response: ServerResponse): void => {
  answer(request, response).catch((error: Error) => {
    response.writeHead(502).end(`${error.message}\n`)
  })
}

const server = isSecure
  ? https.createServer({ key: readFileSync(key), cert: readFileSync(certificate) }, listener)
  : createServer(listener)
server.listen(port, "127.0.0.1", 512)
