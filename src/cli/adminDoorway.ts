// The console's way to administration: closed until the controller is there. Whoever may read the console on this machine may ask
// without a token; every change needs one.

import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { AdminCalls } from "../controller/admin/AdminCalls.ts"
import { AdminDoor, AdminRefused } from "../querier/admin/AdminDoor.ts"

export class AdminDoorway {
  #calls: AdminCalls["Service"] | undefined
  readonly #isLocal: boolean

  /** `isLocal`: only this machine reaches the console. */
  constructor(isLocal: boolean) {
    this.#isLocal = isLocal
  }

  open(calls: AdminCalls["Service"]): void {
    this.#calls = calls
  }

  readonly layer: Layer.Layer<AdminDoor> = Layer.succeed(AdminDoor, {
    call: (name, payload, token) =>
      Effect.suspend(() => {
        if (this.#calls === undefined) {
          return Effect.fail(
            new AdminRefused({
              reason: "unavailable",
              message: "the controller is not there yet",
              next: "try again in a moment",
            }),
          )
        }
        const work = this.#calls.callJson(name, payload, token, this.#isLocal)
        if (work === undefined) {
          return Effect.fail(
            new AdminRefused({
              reason: "no such call",
              message: `there is no call ${name}`,
              next: "check the name",
            }),
          )
        }
        return Effect.mapError(
          work,
          ({ message, next, reason }) => new AdminRefused({ reason, message, next }),
        )
      }),
  })
}
