// The one place where the wire's sockets are made: TCP with TLS, plain only where nobody else can come. A FrameSocket is read by
// pulling: nothing is read from the kernel that nobody asked for, which is the back-pressure of the wire.

import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { createServer, type Socket } from "node:net"
import { type ConnectionOptions, createServer as createTlsServer, Server as TlsServer } from "node:tls"
import {
  FrameReader,
  type FrameHeader,
  type FrameProblem,
  type PayloadLimits,
  unknownPeerLimits,
} from "./frame.ts"
import { portOwner } from "../runtime/portOwner.ts"
import { nobody } from "../runtime/rpc/Peer.ts"
import { dial } from "../runtime/tls/dial.ts"
import type { PeerIdentity, ServerTls } from "../runtime/tls/tlsOptions.ts"
import {
  closedUnheard,
  handshakeProblem,
  looksLikeTls,
  tlsOnPlainPort,
  tlsProblem,
} from "../runtime/tls/tlsProblem.ts"

export interface Address {
  readonly host: string
  readonly port: number
}

/** The connection could not be made or has ended. */
export class ConnectionLost extends Data.TaggedError("ConnectionLost")<{
  readonly message: string
  readonly cause?: unknown
}> {}

/** The peer sent what is no frame, or one that it may not send. */
export class FrameRejected extends Data.TaggedError("FrameRejected")<{
  readonly problem: FrameProblem
  /** When more is known than the problem. */
  readonly detail?: string
}> {
  override get message(): string {
    return this.detail ?? frameProblemTexts[this.problem]
  }
}

const frameProblemTexts: Readonly<Record<FrameProblem, string>> = {
  magic: "not Sonde's protocol: the first bytes are no frame header",
  version: "this version of the protocol is not spoken here: update the older of agent and server",
  type: "unknown frame type",
  flags: "unknown frame flags",
  length: "the frame exceeds the limit of its type",
  checksum: "the frame's checksum is wrong",
}

/** The server cannot listen. */
export class ListenError extends Data.TaggedError("ListenError")<{
  readonly reason: "taken" | "forbidden" | "address" | "open"
  readonly message: string
  readonly cause?: unknown
}> {}

/** `host:port`, `[::1]:port`; undefined when it is neither. */
export const parseAddress = (text: string): Address | undefined => {
  const match = /^(?:\[([0-9a-fA-F:.%]+)\]|([^:\s[\]]+)):(\d{1,5})$/.exec(text)
  const port = Number(match?.[3])
  return match === null || port > 65_535 ? undefined : { host: match[1] ?? match[2], port }
}

/** What `parseAddress` reads. */
export const formatAddress = ({ host, port }: Address): string =>
  host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`

export const isLoopback = (host: string): boolean =>
  host === "localhost" || host === "::1" || /^127\.\d+\.\d+\.\d+$/.test(host)

/** Nothing that others can reach is served plain, unless the operator says so (a mesh or a tunnel does it instead). */
export const assertMayListen = (
  address: Address,
  setting: string,
  options: { readonly tls?: unknown; readonly allowPlain?: boolean },
): Effect.Effect<void, ListenError> =>
  options.tls !== undefined || options.allowPlain === true || isLoopback(address.host)
    ? Effect.void
    : Effect.fail(
        new ListenError({
          reason: "open",
          message: `${address.host} can be reached by others and there is no TLS: give the region's servers a secret (cluster.secret), which brings it, or listen on 127.0.0.1 (the host beside ${setting})`,
        }),
      )

const closedByPeer = "the peer closed the connection"

/** One connection; a single fiber reads, any fiber sends. */
export class FrameSocket {
  readonly remote: string
  /** Who the peer is by its certificate; nobody without TLS, or when the certificate is not believed (`problem`). */
  readonly peer: PeerIdentity
  /** Bytes received so far. */
  receivedBytes = 0
  private readonly socket: Socket
  private readonly reader = new FrameReader(unknownPeerLimits)
  private wake: () => void = () => {}
  private failure: Error | undefined
  private hasEnded = false
  /** The peer began with a TLS handshake, which is for nobody here. */
  private isTls = false
  /** What it means when the peer goes before it has said anything. */
  private readonly unheard: string

  constructor(socket: Socket, peer: PeerIdentity = { identity: nobody }, unheard = closedByPeer) {
    this.socket = socket
    this.peer = peer
    this.unheard = unheard
    this.remote = `${socket.remoteAddress ?? "?"}:${socket.remotePort ?? "?"}`
    socket.setNoDelay(true)
    socket.on("readable", () => this.wake())
    socket.on("end", () => this.ended())
    socket.on("close", () => this.ended())
    socket.on("error", (error) => {
      this.failure = error
      this.ended()
    })
  }

  private ended(): void {
    this.hasEnded = true
    this.wake()
  }

  setLimits(limits: PayloadLimits): void {
    this.reader.limits = limits
  }

  /** The header of the next frame; its payload is left unread until it is asked for. */
  readonly header: Effect.Effect<FrameHeader, ConnectionLost | FrameRejected> = this.pull(() =>
    this.reader.header(),
  )

  /** The payload that belongs to the header read last. */
  readonly payload: Effect.Effect<Buffer, ConnectionLost | FrameRejected> = this.pull(() =>
    this.reader.payload(),
  )

  private pull<A extends object>(
    next: () => A | FrameProblem | undefined,
  ): Effect.Effect<A, ConnectionLost | FrameRejected> {
    const attempt: Effect.Effect<A, ConnectionLost | FrameRejected> = Effect.suspend(() => {
      const got = next()
      if (typeof got === "string") return Effect.fail(this.rejected(got))
      return got === undefined ? Effect.flatMap(this.moreBytes, () => attempt) : Effect.succeed(got)
    })
    return attempt
  }

  private rejected(problem: FrameProblem): FrameRejected {
    return new FrameRejected({ problem, ...(this.isTls ? { detail: `the peer ${tlsOnPlainPort}` } : {}) })
  }

  private readonly moreBytes: Effect.Effect<void, ConnectionLost> = Effect.suspend(() => {
    const chunk = this.socket.read() as Buffer | null
    if (chunk !== null) {
      if (this.receivedBytes === 0) this.isTls = looksLikeTls(chunk)
      this.receivedBytes += chunk.length
      this.reader.push(chunk)
      return Effect.void
    }
    if (this.hasEnded) return Effect.fail(this.lost())
    return Effect.callback<void>((resume) => {
      this.wake = () => resume(Effect.void)
      return Effect.sync(() => {
        this.wake = () => {}
      })
    })
  })

  /** Completes when the kernel has taken the bytes. */
  send(bytes: Uint8Array): Effect.Effect<void, ConnectionLost> {
    return Effect.callback((resume) => {
      this.socket.write(bytes, (error) =>
        resume(error === null || error === undefined ? Effect.void : Effect.fail(this.lost(error))),
      )
    })
  }

  /** Sends last words, as far as the peer takes them, and closes. */
  farewell(bytes: Uint8Array): Effect.Effect<void> {
    return Effect.callback((resume) => {
      this.socket.end(bytes, () => resume(Effect.void))
      this.socket.once("close", () => resume(Effect.void))
      // Unread input would turn the close into a reset, which can overtake the last words.
      this.socket.on("data", () => {})
    })
  }

  destroy(): void {
    this.socket.destroy()
  }

  private lost(cause: Error | undefined = this.failure): ConnectionLost {
    const isUnheard = this.receivedBytes === 0 && this.unheard !== closedByPeer
    const message = isUnheard ? this.unheard : cause === undefined ? closedByPeer : tlsProblem(cause)
    return new ConnectionLost({ message, cause })
  }
}

/** Closed with the scope. */
export const connectSocket = (
  address: Address,
  tls?: ConnectionOptions,
): Effect.Effect<FrameSocket, ConnectionLost, Scope.Scope> =>
  Effect.acquireRelease(
    dial(address, tls).pipe(
      Effect.map(
        (socket) => new FrameSocket(socket, undefined, tls === undefined ? closedUnheard : closedByPeer),
      ),
      Effect.mapError(({ cause, message }) => new ConnectionLost({ message, cause })),
    ),
    (socket) => Effect.sync(() => socket.destroy()),
    { interruptible: true },
  )

export const listenError = (address: Address, setting: string, cause: NodeJS.ErrnoException): ListenError => {
  const where = formatAddress(address)
  switch (cause.code) {
    case "EADDRINUSE": {
      const owner = portOwner(address.port)
      return new ListenError({
        reason: "taken",
        message: `${where} is taken${owner === undefined ? "" : ` by ${owner}`}: stop that program or choose another port with ${setting}`,
        cause,
      })
    }
    case "EACCES":
      return new ListenError({
        reason: "forbidden",
        message: `${where} may not be listened on (${cause.code}): choose a port above 1023 with ${setting}`,
        cause,
      })
    default:
      return new ListenError({
        reason: "address",
        message: `${where} cannot be listened on (${cause.code ?? cause.message}): expected an address of this host`,
        cause,
      })
  }
}

/** Connections beyond the most that may be in their TLS handshake, or hear that there are too many. */
const handshakesMost = 256

export interface ListenOptions {
  /** Names the configuration key of the port for messages. */
  readonly setting: string
  /** Owns what it is given. */
  readonly accept: (socket: FrameSocket) => void
  readonly tls?: ServerTls
  /** Sockets at the same time; `accept` says so to further ones, and far beyond they are cut off. */
  readonly maxConnections?: number
  /** A client that spoke another language than TLS; nothing of it is accepted. */
  readonly misspoke?: (message: string) => void
}

/** Listens until the scope closes. Gives the port, which differs from the asked one when that is 0. */
export const listenSocket = (
  address: Address,
  { accept, maxConnections, misspoke, setting, tls }: ListenOptions,
): Effect.Effect<number, ListenError, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.callback<{ readonly port: number; readonly close: Effect.Effect<void> }, ListenError>(
        (resume) => {
          const server =
            tls === undefined
              ? createServer((socket) => accept(new FrameSocket(socket)))
              : createTlsServer(tls.options(), (socket) =>
                  accept(new FrameSocket(socket, tls.peerOf(socket))),
                )
          if (maxConnections !== undefined) server.maxConnections = maxConnections + handshakesMost
          server.on("tlsClientError", (error: Error, socket: Socket) =>
            misspoke?.(`${socket.remoteAddress ?? "a client"} ${handshakeProblem(error)}`),
          )
          const unfollow = tls !== undefined && server instanceof TlsServer ? tls.follow(server) : () => {}
          server.on("error", (cause) => {
            unfollow()
            resume(Effect.fail(listenError(address, setting, cause)))
          })
          server.listen(address.port, address.host, () => {
            const bound = server.address()
            const close = Effect.sync(() => {
              unfollow()
              server.close()
            })
            resume(
              Effect.succeed({ port: typeof bound === "object" && bound !== null ? bound.port : 0, close }),
            )
          })
        },
      ),
      (server) => server.close,
    ),
    ({ port }) => port,
  )
