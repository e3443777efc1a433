// TLS as RPC uses it: who is let in as whom, what both sides hear when it does not come about, certificates that change meanwhile.

import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as References from "effect/References"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Rpc from "effect/rpc/Rpc"
import * as RpcGroup from "effect/rpc/RpcGroup"
import { connect, createServer, type Socket } from "node:net"
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from "node:tls"
import { connectRpc } from "../rpc/connectRpc.ts"
import { RpcStats, serveRpc } from "../rpc/serveRpc.ts"
import { dayMs, fingerprintOf } from "./authority.ts"
import { LiveCredentials } from "./LiveCredentials.ts"
import { testRegion } from "./region.testing.ts"
import { clientTls, fetchAuthority, serverTls } from "./tlsOptions.ts"

const group = RpcGroup.make(Rpc.make("Who", { success: Schema.String }))

const live = (name: string, test: Effect.Effect<void, unknown, Scope.Scope>) =>
  it.live(
    name,
    () => test.pipe(Effect.scoped, Effect.provideService(References.MinimumLogLevel, "None")),
    30_000,
  )

const until = (isTrue: () => boolean) =>
  Effect.gen(function* () {
    while (!isTrue()) yield* Effect.sleep(2)
  })

const start = Effect.gen(function* () {
  const region = yield* testRegion()
  const credentials = new LiveCredentials(yield* region.credentials("server", "s1"))
  const stats = new RpcStats()
  const port = yield* serveRpc(group, {
    address: { host: "127.0.0.1", port: 0 },
    maxConnections: 10,
    stats,
    tls: serverTls(credentials),
    handlers: ({ identity, problem }) =>
      Effect.succeed(
        group.of({ Who: () => Effect.succeed(problem ?? `${identity.kind} ${identity.name}`.trim()) }),
      ),
  })
  return { region, credentials, stats, port }
})

const call = (port: number, tls?: ConnectionOptions) =>
  Effect.gen(function* () {
    const { client } = yield* connectRpc(group, {
      address: { host: "127.0.0.1", port },
      timeoutMs: 5_000,
      ...(tls === undefined ? {} : { tls }),
    })
    return yield* client.Who()
  }).pipe(Effect.scoped)

describe("TLS", () => {
  live(
    "tells the server who the client is",
    Effect.gen(function* () {
      const { port, region } = yield* start
      for (const [kind, name] of [
        ["agent", "a-1"],
        ["server", "s2"],
        ["admin", "anna"],
      ] as const) {
        const tls = clientTls(yield* region.credentials(kind, name))
        assert.strictEqual(yield* call(port, tls), `${kind} ${name}`)
      }
      const nameless = clientTls({ authority: region.authority.certificate })
      assert.strictEqual(yield* call(port, nameless), "none")
    }),
  )

  live(
    "believes no expired certificate, none of tomorrow and none of another authority, and says why",
    Effect.gen(function* () {
      const { port, region } = yield* start
      const { certificate: authority } = region.authority
      const expired = yield* region.credentials("agent", "a-1", { atMs: -30 * dayMs })
      assert.include(yield* call(port, clientTls(expired)), "the client's certificate is expired")
      const tomorrow = yield* region.credentials("agent", "a-1", { atMs: 2 * dayMs })
      assert.include(yield* call(port, clientTls(tomorrow)), "not valid yet: check the clocks")
      const other = yield* Effect.flatMap(testRegion(), ({ credentials }) => credentials("admin", "eve"))
      assert.include(yield* call(port, clientTls({ ...other, authority })), "of another authority")
    }),
  )

  live(
    "believes no server of another authority, and no agent that poses as one",
    Effect.gen(function* () {
      const { credentials, port, region } = yield* start
      const other = yield* testRegion()
      const wrong = yield* Effect.flip(call(port, clientTls({ authority: other.authority.certificate })))
      assert.include(wrong.message, "the server's certificate is of another authority")
      const tls = clientTls({ authority: region.authority.certificate })
      credentials.replace(yield* region.credentials("agent", "a-1"))
      assert.include(
        (yield* Effect.flip(call(port, tls))).message,
        "the server's certificate is for another purpose",
      )
      credentials.replace(yield* region.credentials("server", "s1", { atMs: -30 * dayMs }))
      assert.include((yield* Effect.flip(call(port, tls))).message, "the server's certificate is expired")
    }),
  )

  live(
    "says so on both sides when only one of them speaks it",
    Effect.gen(function* () {
      const { port, region, stats } = yield* start
      const address = { host: "127.0.0.1", port }
      yield* Effect.gen(function* () {
        const { client, closed } = yield* connectRpc(group, { address, timeoutMs: 5_000 })
        assert.isTrue(Exit.isFailure(yield* Effect.exit(client.Who())))
        assert.include((yield* closed).message, "it may ask for TLS at this port")
      }).pipe(Effect.scoped)
      yield* until(() => stats.unsafe === 1)

      const plainStats = new RpcStats()
      const plainPort = yield* serveRpc(group, {
        address: { host: "127.0.0.1", port: 0 },
        maxConnections: 10,
        stats: plainStats,
        handlers: () => Effect.succeed(group.of({ Who: () => Effect.succeed("you") })),
      })
      const refused = yield* Effect.flip(
        call(plainPort, clientTls({ authority: region.authority.certificate })),
      )
      assert.include(refused.message, "does not speak TLS at this port")
      yield* until(() => plainStats.unsafe === 1)
    }),
  )

  live(
    "is 1.3 and nothing older, and resumes no session",
    Effect.gen(function* () {
      const { port, region } = yield* start
      const handshake = (options: ConnectionOptions) =>
        Effect.callback<TLSSocket, Error>((resume) => {
          const socket = connectTls({ host: "127.0.0.1", port, ...options })
          socket.on("error", (error) => resume(Effect.fail(error)))
          socket.once("secureConnect", () => resume(Effect.succeed(socket)))
        })
      const tls = clientTls(yield* region.credentials("agent", "a-1"))
      const old = yield* Effect.flip(handshake({ ...tls, minVersion: "TLSv1.2", maxVersion: "TLSv1.2" }))
      assert.include(String((old as NodeJS.ErrnoException).code), "PROTOCOL_VERSION")
      const first = yield* handshake(tls)
      assert.strictEqual(first.getProtocol(), "TLSv1.3")
      const session = yield* Effect.callback<Buffer>((resume) => {
        first.once("session", (found: Buffer) => resume(Effect.succeed(found)))
        first.resume()
      }).pipe(Effect.timeoutOrElse({ duration: 1_000, orElse: () => Effect.succeed(undefined) }))
      first.destroy()
      const second = yield* handshake(session === undefined ? tls : { ...tls, session })
      assert.isFalse(second.isSessionReused())
      second.destroy()
    }),
  )

  live(
    "takes a new certificate while connections are open",
    Effect.gen(function* () {
      const { credentials, port, region } = yield* start
      const tls = clientTls(yield* region.credentials("agent", "a-1"))
      const { client } = yield* connectRpc(group, {
        address: { host: "127.0.0.1", port },
        tls,
        timeoutMs: 5_000,
      })
      assert.strictEqual(yield* client.Who(), "agent a-1")
      const seen = () =>
        Effect.callback<string>((resume) => {
          const socket = connectTls({ ...tls, host: "127.0.0.1", port }, () => {
            resume(Effect.succeed(socket.getPeerX509Certificate()?.subject ?? ""))
            socket.destroy()
          })
        })
      assert.strictEqual(yield* seen(), "CN=s1")
      credentials.replace(yield* region.credentials("server", "s1-renewed"))
      assert.strictEqual(yield* seen(), "CN=s1-renewed")
      assert.strictEqual(yield* client.Who(), "agent a-1")
      assert.strictEqual(yield* call(port, tls), "agent a-1")
    }),
  )

  live(
    "gives its authority to whoever knows the fingerprint",
    Effect.gen(function* () {
      const { port, region } = yield* start
      const address = { host: "127.0.0.1", port }
      const fingerprint = fingerprintOf(region.authority.certificate)
      const authority = yield* fetchAuthority(address, fingerprint, 5_000)
      assert.strictEqual(authority, region.authority.certificate)
      assert.strictEqual(yield* call(port, clientTls({ authority })), "none")
      const other = fingerprintOf((yield* testRegion()).authority.certificate)
      const refused = yield* Effect.flip(fetchAuthority(address, other, 5_000))
      assert.deepInclude(refused, { reason: "another" })
      assert.include(refused.message, "is not of the region that the token is for")
    }),
  )

  live(
    "lets a peer that never shakes hands wait for no one else, and for no more than its time",
    Effect.gen(function* () {
      const { port, region } = yield* start
      const silent = connect(port, "127.0.0.1")
      const tls = clientTls(yield* region.credentials("agent", "a-1"))
      assert.strictEqual(yield* call(port, tls), "agent a-1")
      silent.destroy()

      const held: Array<Socket> = []
      const mute = createServer((socket) => void held.push(socket))
      yield* Effect.acquireRelease(
        Effect.callback<void>((resume) => void mute.listen(0, "127.0.0.1", () => resume(Effect.void))),
        () =>
          Effect.sync(() => {
            for (const socket of held) socket.destroy()
            mute.close()
          }),
      )
      const { port: mutePort } = mute.address() as { readonly port: number }
      const late = yield* Effect.flip(
        connectRpc(group, { address: { host: "127.0.0.1", port: mutePort }, tls, timeoutMs: 50 }),
      )
      assert.include(late.message, "no connection within 50 ms")
    }),
  )
})
