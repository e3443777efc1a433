import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { coordinationInProcess } from "../../runtime/coordination/memory.ts"
import type { Role } from "../../wire/control/AdminRpc.ts"
import { type AdminHandlers, adminError, makeAdminCalls } from "./AdminCalls.ts"
import { Audit } from "./Audit.ts"
import { bearerOf } from "../../wire/token.ts"

/** Answers every call with nothing. */
const handlers = new Proxy({} as AdminHandlers, {
  get: (_, tag) => (payload: { readonly id?: string }) =>
    payload.id === "gone"
      ? Effect.fail(adminError("not found", "it is gone"))
      : Effect.succeed(tag === "Servers" ? [] : undefined),
})

const roleOf: Readonly<Record<string, Role>> = { v: "viewer", o: "operator", a: "admin" }

const calls = makeAdminCalls({
  handlers,
  callerOf: (token) =>
    Effect.succeed(roleOf[token] === undefined ? undefined : { name: `token ${token}`, role: roleOf[token] }),
})

const world = Audit.layer("/sonde/test/").pipe(Layer.provide(coordinationInProcess()))

describe("AdminCalls", () => {
  it.effect("lets each role do what it may, and no more", () =>
    Effect.gen(function* () {
      const { callJson } = yield* calls
      for (const [token, tag, payload, isAllowed] of [
        ["v", "Servers", {}, true],
        ["v", "ServerDrain", { id: "s", isDraining: true }, false],
        ["o", "ServerDrain", { id: "s", isDraining: true }, true],
        ["", "Agents", {}, false],
        ["unknown", "Agents", {}, false],
        ["a", "AgentDelete", { id: "x" }, true],
        ["o", "TokenMake", { role: "admin", note: "", hours: 1, usesMost: 0 }, false],
        ["o", "AgentDelete", { id: "x" }, false],
        ["", "Servers", {}, false],
      ] as const) {
        const exit = yield* Effect.result(callJson(tag, payload, token)!)
        const isForbidden = exit._tag === "Failure" && exit.failure.reason === "forbidden"
        assert.strictEqual(!isForbidden, isAllowed, `${token || "nobody"} ${tag}`)
      }
    }).pipe(Effect.provide(world)),
  )

  it.effect("notes every change with its outcome, and no question", () =>
    Effect.gen(function* () {
      const { call, callJson } = yield* calls
      yield* callJson("Servers", {}, "o")!
      yield* Effect.ignore(callJson("ServerDrain", { id: "s1", isDraining: true }, "o")!)
      yield* Effect.ignore(callJson("ServerDrain", { id: "s1", isDraining: true }, "v")!)
      yield* Effect.ignore(call("AgentDelete", { id: "gone" }, "a"))
      const noted = yield* (yield* Audit).last(10)
      assert.deepStrictEqual(
        noted.map(({ detail, on, outcome, what, who }) => [who, what, on, detail, outcome]),
        [
          ["token a", "AgentDelete", "gone", '{"id":"gone"}', "it is gone"],
          ["token o", "ServerDrain", "s1", '{"id":"s1","isDraining":true}', "done"],
        ],
      )
    }).pipe(Effect.provide(world)),
  )

  it.effect("says what is wrong with a payload, and knows no calls that there are not", () =>
    Effect.gen(function* () {
      const { callJson } = yield* calls
      const wrong = yield* Effect.flip(callJson("Agent", { id: 7 }, "a")!)
      assert.strictEqual(wrong.reason, "invalid")
      assert.include(wrong.message, "id")
      assert.isUndefined(callJson("constructor", {}, "a"))
    }).pipe(Effect.provide(world)),
  )

  it("reads tokens of the one form", () => {
    assert.strictEqual(bearerOf("Bearer abc.def"), "abc.def")
    assert.strictEqual(bearerOf("bearer abc"), "abc")
    for (const header of [
      undefined,
      "",
      "abc",
      "Basic abc",
      "Bearer",
      "Bearer a b",
      `Bearer ${"x".repeat(2_000)}`,
    ])
      assert.strictEqual(bearerOf(header), "")
  })
})
