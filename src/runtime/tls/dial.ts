// Connects, with TLS or without: gives the socket once it is ready (after the handshake), or why it is not, in words for people.

import { connect, type Socket } from "node:net"
import { connect as connectTls, type ConnectionOptions } from "node:tls"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { tlsProblem } from "./tlsProblem.ts"

export class DialError extends Data.TaggedError("DialError")<{
  readonly message: string
  readonly cause?: unknown
}> {}

/** The socket is the caller's to destroy. It has a listener for errors, so that one between here and there ends nothing. */
export const dial = (
  address: { readonly host: string; readonly port: number },
  tls?: ConnectionOptions,
): Effect.Effect<Socket, DialError> =>
  Effect.callback((resume) => {
    const { host, port } = address
    const socket = tls === undefined ? connect(port, host) : connectTls({ ...tls, host, port })
    const failed = (cause: Error) => {
      socket.destroy()
      resume(Effect.fail(new DialError({ message: tlsProblem(cause), cause })))
    }
    const closed = () => failed(new Error("the connection was closed before it was ready"))
    socket.on("error", failed)
    socket.once("close", closed)
    socket.once(tls === undefined ? "connect" : "secureConnect", () => {
      socket.off("close", closed)
      socket.on("error", () => {})
      socket.off("error", failed)
      socket.setNoDelay(true)
      resume(Effect.succeed(socket))
    })
    return Effect.sync(() => socket.destroy())
  })
