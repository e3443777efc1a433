// Spans over HTTP/1: OTLP at /v1/traces (and where DeepFlow's agent takes it), SkyWalking's segments at /v3/segments. Every answer
// is in the form of the request. A page in a browser cannot send any of it: neither content type goes without being asked for, and
// nobody is given leave.

import type { IncomingMessage, ServerResponse } from "node:http"
import { accepted, contentTypes, failed, type Form, formOf, RpcCode } from "./otlp/answers.ts"
import { readTraces } from "./otlp/readTraces.ts"
import { readTracesJson } from "./otlp/readTracesJson.ts"
import type { ReadSpans } from "./ProgramSpan.ts"
import { readSegmentsJson } from "./skywalking/readSegmentsJson.ts"
import { bearerOf, isTokenValid } from "../../wire/token.ts"
import type { Refusal, Sender, SpanIntake } from "./SpanIntake.ts"
import { isKnownCoding, plainBody, type UnderWay } from "./UnderWay.ts"

export interface RelayTerms {
  /** Of one request, as it arrives and as it is. */
  readonly bodyBytes: number
  /** What senders must present; empty: nothing. */
  readonly token: string
}

/** OpenTelemetry's exporters present `authorization: Bearer TOKEN` where they are told to, SkyWalking's agents `authentication: TOKEN`. */
export const mayAnswer = (
  token: string,
  headers: { readonly authorization?: unknown; readonly authentication?: unknown },
): boolean => {
  const { authentication, authorization } = headers
  const given = bearerOf(typeof authorization === "string" ? authorization : undefined)
  return isTokenValid(token, given === "" && typeof authentication === "string" ? authentication : given)
}

export const unauthorizedMessage = "expected the token of agent.relay.token"

/** Seconds after which a sender may come again. */
export const retrySeconds = 2

interface Route {
  readonly forms: ReadonlyArray<Form>
  readonly read: (form: Form, body: Uint8Array) => ReadSpans | undefined
}

const otlp: Route = {
  forms: ["protobuf", "json"],
  read: (form, body) => (form === "json" ? readTracesJson(body) : readTraces(body)),
}

const skywalking: Route = { forms: ["json"], read: (_form, body) => readSegmentsJson(body) }

const routes: Readonly<Record<string, Route>> = {
  "/v1/traces": otlp,
  "/api/v1/otel/trace": otlp,
  "/v3/segments": skywalking,
  "/v3/segment": skywalking,
}

interface Problem {
  readonly status: number
  readonly code: RpcCode
  readonly message: string
  readonly why: Refusal
}

const problem = (status: number, why: Refusal, message: string): Problem => ({
  status,
  code:
    why === "full"
      ? RpcCode.unavailable
      : why === "unsupported"
        ? RpcCode.unimplemented
        : why === "unauthorized"
          ? RpcCode.unauthenticated
          : RpcCode.invalidArgument,
  message,
  why,
})

const full = problem(429, "full", "more spans come than the server takes; come again later")

const tooLarge = (most: number): Problem =>
  problem(413, "too_large", `a request may have ${most} bytes (agent.relay.bodyMiB); send smaller batches`)

const malformed = problem(400, "malformed", "the body is not what its content type and encoding say")

/** The body as it arrives, or why it is not taken. The caller releases its bytes. */
const receive = async (
  request: IncomingMessage,
  underWay: UnderWay,
  { bodyBytes }: RelayTerms,
): Promise<{ readonly body: Buffer; readonly taken: number } | Problem> => {
  const pieces: Array<Buffer> = []
  let taken = 0
  try {
    // An answer goes over the same connection: it must not end with the reading.
    for await (const piece of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      const refused =
        taken + piece.length > bodyBytes
          ? tooLarge(bodyBytes)
          : underWay.take(piece.length)
            ? undefined
            : full
      if (refused !== undefined) {
        underWay.release(taken)
        return refused
      }
      taken += piece.length
      pieces.push(piece)
    }
  } catch {
    underWay.release(taken)
    return malformed
  }
  return { body: Buffer.concat(pieces), taken }
}

export class HttpRelay {
  readonly #intake: SpanIntake
  readonly #underWay: UnderWay
  readonly #terms: RelayTerms

  constructor(intake: SpanIntake, underWay: UnderWay, terms: RelayTerms) {
    this.#intake = intake
    this.#underWay = underWay
    this.#terms = terms
  }

  /** Answers a request; never fails. */
  async answer(request: IncomingMessage, response: ServerResponse, sender: Sender): Promise<void> {
    const form = formOf(request.headers["content-type"] ?? "")
    const result = await this.#take(request, form, sender)
    if (response.destroyed || response.writableEnded) return
    const answered = form ?? "json"
    const [status, body] =
      typeof result === "number"
        ? ([200, accepted(answered, result)] as const)
        : ([result.status, failed(answered, result.code, result.message)] as const)
    if (typeof result !== "number") {
      this.#intake.refuse(result.why)
      // Who is still sending reads no answer before the end.
      request.resume()
      if (result.why === "full") response.setHeader("retry-after", String(retrySeconds))
      if (result.status === 405) response.setHeader("allow", "POST")
    }
    response.writeHead(status, { "content-type": contentTypes[answered], "content-length": body.length })
    response.end(Buffer.from(body))
  }

  /** Spans that were rejected, or why nothing was taken. */
  async #take(request: IncomingMessage, form: Form | undefined, sender: Sender): Promise<number | Problem> {
    const route = routes[(request.url ?? "").split("?", 1)[0]!]
    if (route === undefined)
      return problem(404, "unsupported", `${request.url}: expected one of ${Object.keys(routes).join(", ")}`)
    if (request.method !== "POST") return problem(405, "unsupported", "expected POST")
    if (!mayAnswer(this.#terms.token, request.headers))
      return problem(401, "unauthorized", unauthorizedMessage)
    if (form === undefined || !route.forms.includes(form))
      return problem(
        415,
        "unsupported",
        `content-type: expected ${route.forms.map((one) => contentTypes[one]).join(" or ")}`,
      )
    const coding = (request.headers["content-encoding"] ?? "").toLowerCase()
    if (!isKnownCoding(coding))
      return problem(415, "unsupported", `content-encoding: expected gzip, deflate, br, zstd or none`)
    if (this.#intake.isFull) return full
    const received = await receive(request, this.#underWay, this.#terms)
    if (!("body" in received)) return received
    try {
      const plain = await plainBody(received.body, coding, this.#terms.bodyBytes)
      if (plain === "too_large") return tooLarge(this.#terms.bodyBytes)
      const read = plain === undefined ? undefined : route.read(form, plain)
      if (read === undefined) return malformed
      await this.#intake.take(read, sender, request.headers["user-agent"] ?? "")
      return read.rejected
    } finally {
      this.#underWay.release(received.taken)
    }
  }
}
