// A client that makes requests at a steady rate over one kept-alive connection, each with a path of its own, and remembers
// which were answered and when.

import { Agent, request } from "node:http"
import { setTimeout as sleep } from "node:timers/promises"

export class Load {
  /** Paths that were answered, with the time of the answer (milliseconds since 1970), in order. */
  readonly answered: Array<{ readonly path: string; readonly atMs: number }> = []
  readonly prefix: string
  readonly #port: number
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 })
  readonly #done: Promise<void>
  #isStopping = false

  constructor(port: number, prefix: string, perSecond = 100) {
    this.prefix = prefix
    this.#port = port
    this.#done = this.#run(1_000 / perSecond)
  }

  #one(path: string): Promise<boolean> {
    return new Promise((resolve) => {
      const options = { agent: this.#agent, host: "127.0.0.1", port: this.#port, path }
      request(options, (response) => {
        response.resume().once("end", () => resolve(true))
      })
        .once("error", () => resolve(false))
        .end()
    })
  }

  async #run(intervalMs: number): Promise<void> {
    for (let i = 0; !this.#isStopping; i++) {
      const path = `${this.prefix}/${i}`
      if (await this.#one(path)) this.answered.push({ path, atMs: Date.now() })
      await sleep(intervalMs)
    }
  }

  paths(fromMs = 0, toMs = Number.POSITIVE_INFINITY): ReadonlyArray<string> {
    return this.answered.filter(({ atMs }) => atMs >= fromMs && atMs <= toMs).map(({ path }) => path)
  }

  async stop(): Promise<void> {
    this.#isStopping = true
    await this.#done
    this.#agent.destroy()
  }
}
