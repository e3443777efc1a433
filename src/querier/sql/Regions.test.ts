import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { createServer, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { parseRegion } from "../../runtime/otherRegions.ts"
import { AdminDoor } from "../admin/AdminDoor.ts"
import { ConsoleSources } from "../ConsoleSources.ts"
import { QuerierHttp } from "../QuerierHttp.ts"
import { QueryStore, StoreError } from "../store/QueryStore.ts"
import { Regions } from "./Regions.ts"

const unused = () => Effect.die("not asked")

/** A region whose store answers with these lines, or is away. */
const region = (name: string, lines: string | undefined, others: ReadonlyArray<string> = []) =>
  Effect.gen(function* () {
    const services = yield* Layer.build(
      QuerierHttp.layer({ host: "127.0.0.1", port: 0, webDirectory: "/none", allowedHosts: [] }).pipe(
        Layer.provide([
          Layer.succeed(QueryStore, {
            rows: unused,
            text: () =>
              lines === undefined
                ? Effect.fail(new StoreError({ reason: "unavailable", message: "the store is away" }))
                : Effect.succeed(lines),
          }),
          Layer.succeed(ConsoleSources, {} as never),
          Layer.succeed(AdminDoor, { call: unused }),
          Layer.succeed(Regions, { self: name, others: others.flatMap((text) => parseRegion(text) ?? []) }),
        ]),
      ),
    )
    return yield* Effect.provideContext(
      Effect.map(QuerierHttp, ({ url }) => url),
      services,
    )
  })

const ask = (url: string, query = "?regions=all") =>
  Effect.promise(async () => {
    const response = await fetch(`${url}v1/query/${query}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ sql: "SELECT id, name FROM t" }),
    })
    return { status: response.status, text: await response.text() }
  })

const hangingUp = Effect.acquireRelease(
  Effect.callback<Server>((resume) => {
    const server = createServer((request) => request.socket.destroy())
    server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
  }),
  (server) => Effect.sync(() => void server.close()),
)

const lines = (...rows: ReadonlyArray<string>) => ['["id","name"]', '["UInt64","String"]', ...rows].join("\n")

const live = (name: string, test: Effect.Effect<void, unknown, Scope.Scope>) =>
  it.live(name, () => Effect.scoped(test))

describe("questions over regions", () => {
  live(
    "gives each region's rows with its name, and all digits",
    Effect.gen(function* () {
      const far = yield* region("far", lines('[18446744073709551615,"b"]', '[2,"c\\"d"]'))
      const near = yield* region("near", lines('[1,"a"]'), [`far=${far}`])
      const { status, text } = yield* ask(near)
      assert.strictEqual(status, 200)
      assert.include(text, '"values":[["near",1,"a"],["far",18446744073709551615,"b"],["far",2,"c\\"d"]]')
      const answer = JSON.parse(text)
      assert.strictEqual(answer.OPT_STATUS, "SUCCESS")
      assert.deepStrictEqual(answer.result.columns, ["region", "id", "name"])
      assert.strictEqual(answer.result.schemas.length, 3)
      const own = yield* ask(near, "")
      assert.deepStrictEqual(JSON.parse(own.text).result.values, [[1, "a"]])
      assert.strictEqual((yield* ask(near, "?regions=some")).status, 400)
    }),
  )

  live(
    "says which region did not answer and gives the rows of the others",
    Effect.gen(function* () {
      const server = yield* hangingUp
      const { port } = server.address() as AddressInfo
      const away = yield* region("away", undefined)
      const older = yield* region("older", ['["id"]', '["UInt64"]', "[7]"].join("\n"))
      const near = yield* region("near", lines('[1,"a"]'), [
        `gone=http://127.0.0.1:${port}`,
        `away=${away}`,
        `older=${older}`,
      ])
      const answer = JSON.parse((yield* ask(near)).text)
      assert.strictEqual(answer.OPT_STATUS, "PARTIAL_RESULT")
      assert.deepStrictEqual(answer.result.values, [["near", 1, "a"]])
      assert.deepStrictEqual(
        answer.debug.regions.map((one: { readonly region: string; readonly rows: number }) => [
          one.region,
          one.rows,
        ]),
        [
          ["near", 1],
          ["gone", 0],
          ["away", 0],
          ["older", 0],
        ],
      )
      assert.match(
        answer.DESCRIPTION,
        /region gone: .+; region away: .*store is away.*; region older: its columns are id/,
      )
    }),
  )

  live(
    "answers for the others when its own store is away",
    Effect.gen(function* () {
      const far = yield* region("far", lines('[5,"x"]'))
      const near = yield* region("near", undefined, [`far=${far}`])
      const answer = JSON.parse((yield* ask(near)).text)
      assert.strictEqual(answer.OPT_STATUS, "PARTIAL_RESULT")
      assert.deepStrictEqual(answer.result.values, [["far", 5, "x"]])
    }),
  )

  it("reads regions of one form only", () => {
    assert.deepStrictEqual(parseRegion("eu=http://10.0.0.1:20416/"), {
      name: "eu",
      url: "http://10.0.0.1:20416",
    })
    for (const text of ["", "eu", "eu=", "eu=ftp://x", "=http://x", "e u=http://x", "eu=http://"])
      assert.isUndefined(parseRegion(text), text)
  })
})
