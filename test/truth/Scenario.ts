// What a scenario of the truth suite is: real programs that serve requests by calling others, and which calls belong to a request.

import { spawnSync } from "node:child_process"
import { existsSync } from "node:fs"
import type { Language } from "./drive.ts"

/** How a program divides its work over threads: what makes its calls hard to attribute. */
export type Kind = "sequential" | "consumer" | "threads" | "event loop" | "thread pool" | "goroutines"

/** One call that a program makes for each request it serves. */
export interface Call {
  /** Whom it asks: "redis". */
  readonly name: string
  readonly port: number
  /** How often for one request. */
  readonly times: number
  /** As in the column request_type, where the same port also has what is no call: what a broker delivers. */
  readonly type?: string
}

/** A program that takes requests and makes calls for them. */
export interface Hop {
  /** "Node". */
  readonly name: string
  readonly kind: Kind
  /** Where it is asked; of a consumer, where it takes messages. */
  readonly port: number
  /** Of a consumer: what the messages are called in the column request_type. */
  readonly takes?: string
  readonly calls: ReadonlyArray<Call>
}

export interface Running {
  /** In the order in which a request passes them; the first takes the clients' requests. */
  readonly hops: ReadonlyArray<Hop>
  readonly language: Language
  readonly stop: () => Promise<void>
}

export interface Scenario {
  readonly name: string
  /** For people: "nginx -> Node -> Redis, PostgreSQL". */
  readonly about: string
  /** What is missing here to run it; empty: nothing. */
  readonly lacks: () => string
  readonly start: () => Promise<Running>
}

/** The first of these programs (paths) that is not there. */
export const lacksPrograms =
  (...paths: ReadonlyArray<string>) =>
  (): string => {
    const missing = paths.find((path) => !existsSync(path))
    return missing === undefined ? "" : `no ${missing}`
  }

/** The first of these modules that Debian's Python cannot import. */
export const lacksModules =
  (...modules: ReadonlyArray<string>) =>
  (): string => {
    const missing = modules.find(
      (name) => spawnSync("/usr/bin/python3", ["-c", `import ${name}`]).status !== 0,
    )
    return missing === undefined ? "" : `no ${missing} for /usr/bin/python3`
  }

/** What the first of several checks finds. */
export const lacksAny =
  (...checks: ReadonlyArray<() => string>) =>
  (): string => {
    for (const check of checks) {
      const lack = check()
      if (lack !== "") return lack
    }
    return ""
  }

/** Ends what was started, last first. */
export class Started {
  readonly #stops: Array<() => Promise<void>> = []

  async add<Program extends { stop(): Promise<void> }>(starting: Promise<Program>): Promise<Program> {
    const program = await starting
    this.#stops.push(() => program.stop())
    return program
  }

  async stop(): Promise<void> {
    for (const stop of this.#stops.splice(0).toReversed()) await stop()
  }
}

/** Starts several programs; if one does not start, those before it are ended. */
export const starting = async <Result extends object>(
  body: (started: Started) => Promise<Result>,
): Promise<Result & { readonly stop: () => Promise<void> }> => {
  const started = new Started()
  try {
    return { ...(await body(started)), stop: () => started.stop() }
  } catch (error) {
    await started.stop()
    throw error
  }
}
