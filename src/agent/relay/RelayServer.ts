// The port that programs send their spans to: HTTP/1 and, on the same port, HTTP/2 without TLS for gRPC, told apart by the first
// bytes. Owns connections and their limits.

import { createServer as createHttp, type Server as HttpServer } from "node:http"
import { createServer as createHttp2, type Http2Server, type ServerHttp2Session } from "node:http2"
import { createServer, isIPv4, type Server, type Socket } from "node:net"
import { GrpcRelay } from "./grpcRelay.ts"
import { HttpRelay, type RelayTerms } from "./httpRelay.ts"
import { PeerProcesses } from "./PeerProcesses.ts"
import type { Sender, SpanIntake } from "./SpanIntake.ts"
import type { SenderProcess } from "./SpanRows.ts"
import { UnderWay } from "./UnderWay.ts"

export interface RelayServerOptions extends RelayTerms {
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
}

/** "PRI * HTTP/2.0" begins HTTP/2; no method of HTTP/1 that is taken here begins like that. */
const http2Begin = Buffer.from("PRI")
const connectionsMost = 512
/** Bodies of all requests together, as often as one may be large, and at least so many bytes. */
const bodiesMost = 4
/** A connection over which nothing comes. */
const idleMs = 120_000
const windowBytes = 1_048_576

const isLoopback = (address: string): boolean =>
  address === "::1" || address.startsWith("127.") || address.startsWith("::ffff:127.")

const plainAddress = (address: string): string => {
  const mapped = address.startsWith("::ffff:") ? address.slice(7) : ""
  return isIPv4(mapped) ? mapped : address
}

export class RelayServer {
  readonly #server: Server
  readonly #http: HttpServer
  readonly #http2: Http2Server
  readonly #underWay: UnderWay
  readonly #peers = new PeerProcesses()
  readonly #senders = new WeakMap<Socket, Sender>()
  readonly #sockets = new Set<Socket>()
  readonly #sessions = new Set<ServerHttp2Session>()
  /** Of sessions: they show no more of it than its ends. */
  readonly #socketOf = new WeakMap<ServerHttp2Session, Socket>()
  readonly #options: RelayServerOptions
  #refused = 0

  constructor(intake: SpanIntake, options: RelayServerOptions) {
    this.#options = options
    this.#underWay = new UnderWay(options.bodyBytes * bodiesMost)
    const http = new HttpRelay(intake, this.#underWay, options)
    const grpc = new GrpcRelay(intake, this.#underWay, options)
    this.#http = createHttp({ keepAliveTimeout: idleMs }, (request, response) => {
      void http.answer(request, response, this.#senderOf(request.socket))
    })
    this.#http.timeout = idleMs
    this.#http2 = createHttp2({
      settings: { initialWindowSize: windowBytes, maxConcurrentStreams: 64 },
      maxSessionMemory: 16,
    })
    this.#http2.on("session", (session) => {
      this.#sessions.add(session)
      session.setLocalWindowSize(windowBytes)
      session.setTimeout(idleMs, () => session.close())
      session.once("close", () => this.#sessions.delete(session))
      session.on("error", () => undefined)
    })
    this.#http2.on("sessionError", () => undefined)
    this.#http2.on("stream", (stream, headers) => {
      const socket = this.#socketOf.get(stream.session as ServerHttp2Session)
      if (socket === undefined) return stream.close()
      void grpc.answer(stream, headers, this.#senderOf(socket))
    })
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket))
  }

  #senderOf(socket: Socket): Sender {
    const known = this.#senders.get(socket)
    if (known !== undefined) return known
    const { localAddress = "", localPort = 0, remoteAddress = "", remotePort = 0 } = socket
    let found: Promise<SenderProcess | undefined> | undefined
    const sender: Sender = {
      address: plainAddress(remoteAddress),
      process: () =>
        (found ??= isLoopback(remoteAddress)
          ? this.#peers.find({ localAddress, localPort, remoteAddress, remotePort })
          : Promise.resolve(undefined)),
    }
    this.#senders.set(socket, sender)
    return sender
  }

  #accept(socket: Socket): void {
    socket.on("error", () => undefined)
    if (this.#sockets.size >= connectionsMost) {
      this.#refused++
      socket.destroy()
      return
    }
    this.#sockets.add(socket)
    socket.once("close", () => this.#sockets.delete(socket))
    socket.setTimeout(idleMs, () => socket.destroy())
    this.#begin(socket, Buffer.alloc(0))
  }

  /** Waits for as many bytes as tell HTTP/2 from HTTP/1. */
  #begin(socket: Socket, before: Buffer): void {
    socket.once("data", (piece: Buffer) => {
      socket.pause()
      const bytes = before.length === 0 ? piece : Buffer.concat([before, piece])
      const length = Math.min(bytes.length, http2Begin.length)
      const mayBeHttp2 = bytes.subarray(0, length).equals(http2Begin.subarray(0, length))
      if (mayBeHttp2 && length < http2Begin.length) {
        this.#begin(socket, bytes)
        socket.resume()
        return
      }
      socket.unshift(bytes)
      if (!mayBeHttp2) {
        this.#http.emit("connection", socket)
        socket.resume()
        return
      }
      this.#http2.once("session", (session) => this.#socketOf.set(session, socket))
      this.#http2.emit("connection", socket)
    })
  }

  /** The port it listens on. Fails when it cannot be taken. */
  listen(): Promise<number> {
    const { host, port } = this.#options
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject)
      this.#server.listen(port, host, () => {
        this.#server.off("error", reject)
        this.#server.on("error", () => undefined)
        const address = this.#server.address()
        resolve(typeof address === "object" && address !== null ? address.port : port)
      })
    })
  }

  /** Ends it, with what is under way. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve())
      for (const session of this.#sessions) session.destroy()
      for (const socket of this.#sockets) socket.destroy()
    })
  }

  /** By metric name without the component's prefix. */
  stats(): Record<string, number> {
    const { found, refused, unknown } = this.#peers.counters
    return {
      relay_connections: this.#sockets.size,
      relay_connections_refused_total: this.#refused,
      relay_body_bytes: this.#underWay.bytes,
      relay_senders_found_total: found,
      relay_senders_unknown_total: unknown + refused,
    }
  }
}
