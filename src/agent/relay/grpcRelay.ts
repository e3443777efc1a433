// Spans over gRPC: OTLP's TraceService, SkyWalking's TraceSegmentReportService. What else SkyWalking's agents ask for (their
// configuration, their metrics) is answered with nothing, so that they do not complain.

import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2"
import { framed, GrpcMessages } from "./GrpcMessages.ts"
import { mayAnswer, type RelayTerms, retrySeconds, unauthorizedMessage } from "./httpRelay.ts"
import { accepted, comeAgain, RpcCode } from "./otlp/answers.ts"
import { readTraces } from "./otlp/readTraces.ts"
import type { ReadSpans } from "./ProgramSpan.ts"
import { readSegmentCollection, readSegmentObject } from "./skywalking/readSegment.ts"
import type { Refusal, Sender, SpanIntake } from "./SpanIntake.ts"
import { isKnownCoding, plainBody, type UnderWay } from "./UnderWay.ts"

type Read = (bytes: Uint8Array) => ReadSpans | undefined

const segments = "TraceSegmentReportService"

/** By path. The names of SkyWalking's services had another package once. */
const calls: ReadonlyMap<string, Read> = new Map<string, Read>([
  ["/opentelemetry.proto.collector.trace.v1.TraceService/Export", readTraces],
  [`/skywalking.v3.${segments}/collect`, readSegmentObject],
  [`/skywalking.v3.${segments}/collectInSync`, readSegmentCollection],
  [`/${segments}/collect`, readSegmentObject],
  [`/${segments}/collectInSync`, readSegmentCollection],
])

const isOfSkyWalking = (path: string): boolean => path.startsWith("/skywalking.v3.")

class Refused extends Error {
  readonly why: Refusal
  readonly code: RpcCode

  constructor(why: Refusal, code: RpcCode, message: string) {
    super(message)
    this.why = why
    this.code = code
  }
}

const fullMessage = "more spans come than the server takes"

/** Printable ASCII stands for itself, everything else is percent-encoded. */
const statusMessage = (text: string): string => encodeURIComponent(text).replaceAll("%20", " ")

export class GrpcRelay {
  readonly #intake: SpanIntake
  readonly #underWay: UnderWay
  readonly #terms: RelayTerms

  constructor(intake: SpanIntake, underWay: UnderWay, terms: RelayTerms) {
    this.#intake = intake
    this.#underWay = underWay
    this.#terms = terms
  }

  /** Answers a call; never fails. */
  async answer(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, sender: Sender): Promise<void> {
    stream.on("error", () => undefined)
    try {
      this.#end(stream, RpcCode.ok, "", await this.#take(stream, headers, sender))
    } catch (error) {
      if (!(error instanceof Refused)) {
        // The sender went away in the middle.
        stream.close(constants.NGHTTP2_CANCEL)
        return
      }
      this.#intake.refuse(error.why)
      this.#end(stream, error.code, error.message)
    }
  }

  #end(stream: ServerHttp2Stream, code: RpcCode, message: string, answer?: Uint8Array): void {
    if (stream.destroyed || stream.closed) return
    const trailers: Record<string, string> = { "grpc-status": String(code) }
    if (message !== "") trailers["grpc-message"] = statusMessage(message)
    if (code === RpcCode.unavailable)
      trailers["grpc-status-details-bin"] = Buffer.from(comeAgain(message, retrySeconds)).toString("base64")
    const head = { ":status": 200, "content-type": "application/grpc" }
    if (answer === undefined) {
      stream.respond({ ...head, ...trailers }, { endStream: true })
      if (!stream.readableEnded) stream.close(constants.NGHTTP2_NO_ERROR)
      return
    }
    stream.respond(head, { waitForTrailers: true })
    stream.once("wantTrailers", () => stream.sendTrailers(trailers))
    stream.end(framed(answer))
  }

  /** The message that answers. */
  async #take(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, sender: Sender): Promise<Uint8Array> {
    const path = String(headers[":path"] ?? "")
    const read = calls.get(path)
    const coding = String(headers["grpc-encoding"] ?? "").toLowerCase()
    if (read === undefined && !isOfSkyWalking(path))
      throw new Refused("unsupported", RpcCode.unimplemented, `no such call here: ${path}`)
    if (!mayAnswer(this.#terms.token, headers))
      throw new Refused("unauthorized", RpcCode.unauthenticated, unauthorizedMessage)
    if (!isKnownCoding(coding))
      throw new Refused("unsupported", RpcCode.unimplemented, `grpc-encoding ${coding} is not known here`)
    if (this.#intake.isFull) throw new Refused("full", RpcCode.unavailable, fullMessage)
    const messages = new GrpcMessages(this.#terms.bodyBytes)
    let rejected = 0
    let held = 0
    try {
      for await (const piece of stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
        if (read === undefined) continue
        if (!this.#underWay.take(piece.length)) throw new Refused("full", RpcCode.unavailable, fullMessage)
        held += piece.length
        const whole = messages.push(piece)
        if (whole === "too_large") throw this.#tooLarge()
        for (const { bytes, isCompressed } of whole)
          rejected += await this.#message(read, bytes, isCompressed ? coding : "", sender, headers)
        this.#underWay.release(held - messages.waiting)
        held = messages.waiting
      }
    } finally {
      this.#underWay.release(held)
    }
    if (messages.waiting > 0)
      throw new Refused("malformed", RpcCode.invalidArgument, "the call ends in the middle of a message")
    return path.startsWith("/opentelemetry.") ? accepted("protobuf", rejected) : new Uint8Array(0)
  }

  #tooLarge(): Refused {
    const most = this.#terms.bodyBytes
    return new Refused(
      "too_large",
      RpcCode.resourceExhausted,
      `a message may have ${most} bytes (agent.relay.bodyMiB); send smaller batches`,
    )
  }

  /** How many of its spans were rejected. */
  async #message(
    read: Read,
    bytes: Buffer,
    coding: string,
    sender: Sender,
    headers: IncomingHttpHeaders,
  ): Promise<number> {
    const plain = await plainBody(bytes, coding, this.#terms.bodyBytes)
    if (plain === "too_large") throw this.#tooLarge()
    const told = plain === undefined ? undefined : read(plain)
    if (told === undefined)
      throw new Refused("malformed", RpcCode.invalidArgument, "the message is not what the call expects")
    await this.#intake.take(told, sender, String(headers["user-agent"] ?? ""))
    return told.rejected
  }
}
