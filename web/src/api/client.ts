// Asking the server: JSON in and out, failures as one kind of error that says what happened and what to do next.

export class ApiFailure extends Error {
  readonly code: string
  readonly next: string
  /** HTTP status; 0 when no answer came. */
  readonly status: number

  constructor(code: string, message: string, next: string, status: number) {
    super(message)
    this.name = "ApiFailure"
    this.code = code
    this.next = next
    this.status = status
  }
}

const noAnswer = (): ApiFailure =>
  new ApiFailure(
    "no_answer",
    "Sonde's server does not answer.",
    "Check that `sonde up` is still running. This page keeps trying.",
    0,
  )

const textOf = (value: unknown, fallback: string): string =>
  typeof value === "string" && value !== "" ? value : fallback

/** The server's `{error: {code, message, next}}`, or what can be said without it. */
export const failureOf = (status: number, body: unknown): ApiFailure => {
  const error =
    typeof body === "object" && body !== null && "error" in body && typeof body.error === "object"
      ? (body.error as Readonly<Record<string, unknown>> | null)
      : null
  return new ApiFailure(
    textOf(error?.["code"], "unexpected"),
    textOf(error?.["message"], `The server answered with status ${status}.`),
    textOf(error?.["next"], "Try again; if it stays, see the log of the server."),
    status,
  )
}

interface SendOptions {
  readonly signal?: AbortSignal
  readonly headers?: Readonly<Record<string, string>>
}

const noServer = (signal: AbortSignal | undefined) => (error: unknown) => {
  throw signal?.aborted === true ? error : noAnswer()
}

/** For calls that may answer nothing: null is an answer. */
export const post = async (path: string, body: unknown, options: SendOptions = {}): Promise<unknown> => {
  const { signal, headers = {} } = options
  const response = await fetch(path, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
    ...(signal === undefined ? {} : { signal }),
  }).catch(noServer(signal))
  const answer: unknown = await response.json().catch(() => undefined)
  if (!response.ok || answer === undefined) throw failureOf(response.status, answer)
  return answer
}

interface AskOptions {
  readonly signal?: AbortSignal
  readonly method?: "GET" | "POST"
  readonly body?: unknown
  /** Statuses beside 2xx whose body is an answer. */
  readonly alsoAnswers?: ReadonlyArray<number>
}

export const ask = async <Answer>(path: string, options: AskOptions = {}): Promise<Answer> => {
  const { signal, method = "GET", body, alsoAnswers = [] } = options
  const response = await fetch(path, {
    method,
    headers: body === undefined ? {} : { "content-type": "application/json" },
    ...(signal === undefined ? {} : { signal }),
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  }).catch(noServer(signal))
  const answer: unknown = await response.json().catch(() => null)
  if (!response.ok && !alsoAnswers.includes(response.status)) throw failureOf(response.status, answer)
  if (answer === null) throw failureOf(response.status, answer)
  return answer as Answer
}

export type QueryParams = Readonly<Record<string, string | number | undefined>>

/** Empty values are left out. */
export const withQuery = (path: string, params: QueryParams): string => {
  const query = new URLSearchParams()
  for (const [key, value] of Object.entries(params)) {
    if (value !== undefined && value !== "") query.set(key, String(value))
  }
  const text = query.toString()
  return text === "" ? path : `${path}?${text}`
}
