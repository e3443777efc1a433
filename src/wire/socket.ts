// The one place where the wire's sockets are made: TCP now, `tls.connect` and `tls.createServer` fit here. A FrameSocket is read
// by pulling: nothing is read from the kernel that nobody asked for, which is the back-pressure of the wire.

import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { connect, createServer, type Socket } from "node:net"
import {
  FrameReader,
  type FrameHeader,
  type FrameProblem,
  type PayloadLimits,
  unknownPeerLimits,
} from "./frame.ts"
import { portOwner } from "../runtime/portOwner.ts"

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
export class FrameRejected extends Data.TaggedError("FrameRejected")<{ readonly problem: FrameProblem }> {
  override get message(): string {
    return frameProblemTexts[this.problem]
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

export const isLoopback = (host: string): boolean =>
  host === "localhost" || host === "::1" || /^127\.\d+\.\d+\.\d+$/.test(host)

/** One connection; a single fiber reads, any fiber sends. */
export class FrameSocket {
  readonly remote: string
  /** Bytes received so far. */
  receivedBytes = 0
  private readonly socket: Socket
  private readonly reader = new FrameReader(unknownPeerLimits)
  private wake: () => void = () => {}
  private failure: Error | undefined
  private hasEnded = false

  constructor(socket: Socket) {
    this.socket = socket
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
      if (typeof got === "string") return Effect.fail(new FrameRejected({ problem: got }))
      return got === undefined ? Effect.flatMap(this.moreBytes, () => attempt) : Effect.succeed(got)
    })
    return attempt
  }

  private readonly moreBytes: Effect.Effect<void, ConnectionLost> = Effect.suspend(() => {
    const chunk = this.socket.read() as Buffer | null
    if (chunk !== null) {
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
    return new ConnectionLost({ message: cause?.message ?? "the peer closed the connection", cause })
  }
}

/** Closed with the scope. */
export const connectSocket = (address: Address): Effect.Effect<FrameSocket, ConnectionLost, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.callback<FrameSocket, ConnectionLost>((resume) => {
      const socket = connect(address.port, address.host)
      const refused = (error: Error) => {
        socket.destroy()
        resume(Effect.fail(new ConnectionLost({ message: error.message, cause: error })))
      }
      socket.once("error", refused)
      socket.once("connect", () => {
        socket.off("error", refused)
        resume(Effect.succeed(new FrameSocket(socket)))
      })
      return Effect.sync(() => socket.destroy())
    }),
    (socket) => Effect.sync(() => socket.destroy()),
    { interruptible: true },
  )

export const listenError = (address: Address, setting: string, cause: NodeJS.ErrnoException): ListenError => {
  const where = `${address.host}:${address.port}`
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

/**
 * Listens until the scope closes; each accepted socket goes to `accept`, which owns it. `setting` names the configuration key
 * of the port for messages. Gives the port, which differs from the asked one when that is 0.
 */
export const listenSocket = (
  address: Address,
  setting: string,
  accept: (socket: FrameSocket) => void,
): Effect.Effect<number, ListenError, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.callback<{ readonly port: number; readonly close: Effect.Effect<void> }, ListenError>(
        (resume) => {
          const server = createServer({ pauseOnConnect: false }, (socket) => accept(new FrameSocket(socket)))
          server.on("error", (cause) => resume(Effect.fail(listenError(address, setting, cause))))
          server.listen(address.port, address.host, () => {
            const bound = server.address()
            const close = Effect.sync(() => void server.close())
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
