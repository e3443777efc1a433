// The load: so many clients at a time, each with one request after the other.

import { Agent, get, type IncomingMessage } from "node:http"
import * as https from "node:https"
import { markOf } from "./marks.ts"

export interface Drive {
  readonly port: number
  readonly isTls: boolean
  /** Their numbers. */
  readonly requests: ReadonlyArray<number>
  readonly concurrency: number
}

const waitMs = 30_000

/** Makes the requests over one kept connection for each client, and fails when one of them is not answered with 200. */
export const drive = async ({ concurrency, isTls, port, requests }: Drive): Promise<void> => {
  const kept = { keepAlive: true, maxSockets: 1 }
  const waiting = requests.values()
  const ask = (agent: Agent | https.Agent, path: string): Promise<number> =>
    new Promise((resolve, reject) => {
      const take = (response: IncomingMessage): void => {
        response
          .resume()
          .once("end", () => resolve(response.statusCode ?? 0))
          .once("error", reject)
      }
      const options = { agent, host: "127.0.0.1", port, path, timeout: waitMs }
      const asked = isTls ? https.get(options, take) : get(options, take)
      asked.once("error", reject)
      asked.once("timeout", () => asked.destroy(new Error(`${path}: no answer for ${waitMs} ms`)))
    })
  const client = async (): Promise<void> => {
    const agent = isTls ? new https.Agent({ ...kept, rejectUnauthorized: false }) : new Agent(kept)
    try {
      // All clients take from the same requests.
      for (const request of waiting) {
        const path = `/work/${markOf(request)}`
        const status = await ask(agent, path)
        if (status !== 200) throw new Error(`${path}: ${status}`)
      }
    } finally {
      agent.destroy()
    }
  }
  await Promise.all(Array.from({ length: Math.min(concurrency, requests.length) }, client))
}
