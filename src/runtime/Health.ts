// The health tree: what runs in this process, in which state, how often it was restarted. `supervise` writes it, /healthz shows it.

import * as Context from "effect/Context"

export type PartState = "starting" | "running" | "restarting" | "degraded" | "failed" | "stopped"

export interface Part {
  state: PartState
  restarts: number
  /** Why it is not simply running; one line. */
  message: string
}

export interface HealthView {
  readonly name: string
  readonly state: PartState
  readonly restarts: number
  readonly message?: string
  readonly parts?: ReadonlyArray<HealthView>
}

export interface HealthOverview {
  /** `ok`: all runs; `degraded`: something restarts or is limited; `down`: something has failed for good. */
  readonly status: "ok" | "degraded" | "down"
  readonly parts: ReadonlyArray<HealthView>
}

/** Parts by path ("server/ingester/receiver"), in the order they came. */
export class HealthTree {
  readonly #parts = new Map<string, Part>()

  part(path: string): Part {
    let part = this.#parts.get(path)
    if (part === undefined) this.#parts.set(path, (part = { state: "starting", restarts: 0, message: "" }))
    return part
  }

  set(path: string, state: PartState, message = ""): void {
    const part = this.part(path)
    part.state = state
    part.message = message
  }

  get status(): HealthOverview["status"] {
    let status: HealthOverview["status"] = "ok"
    for (const { state } of this.#parts.values()) {
      if (state === "failed") return "down"
      if (state === "restarting" || state === "degraded") status = "degraded"
    }
    return status
  }

  view(): HealthOverview {
    const children = (prefix: string): Array<HealthView> => {
      const names = new Set<string>()
      for (const path of this.#parts.keys()) {
        if (path.startsWith(prefix)) names.add(path.slice(prefix.length).split("/", 1)[0]!)
      }
      return [...names].map((name) => {
        const path = prefix + name
        const own = this.#parts.get(path)
        const parts = children(`${path}/`)
        const state = own?.state ?? parts.find((part) => part.state !== "running")?.state ?? "running"
        return {
          name,
          state,
          restarts: own?.restarts ?? 0,
          ...(own !== undefined && own.message !== "" ? { message: own.message } : {}),
          ...(parts.length > 0 ? { parts } : {}),
        }
      })
    }
    return { status: this.status, parts: children("") }
  }
}

export const Health = Context.Reference<HealthTree>("sonde/runtime/Health", {
  defaultValue: () => new HealthTree(),
})
