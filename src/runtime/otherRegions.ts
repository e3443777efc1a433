// Other regions as the configuration names them, and whether they answer.

import * as Effect from "effect/Effect"

export interface OtherRegion {
  readonly name: string
  /** Of a server's query API, without a slash at the end. */
  readonly url: string
}

const answerMs = 2_000

/** "NAME=URL"; undefined: it is not that. */
export const parseRegion = (text: string): OtherRegion | undefined => {
  const [, name, url] = /^([\w.-]{1,64})=(https?:\/\/\S+?)\/*$/.exec(text) ?? []
  return name === undefined || url === undefined || !URL.canParse(url) ? undefined : { name, url }
}

/** Those of the configuration; what is no region is left out. */
export const regionsOf = (texts: ReadonlyArray<string>): ReadonlyArray<OtherRegion> =>
  texts.flatMap((text) => parseRegion(text) ?? [])

/** Empty: it answers; else why not. */
export const regionProblem = (region: OtherRegion): Effect.Effect<string> =>
  Effect.tryPromise((signal) => fetch(`${region.url}/healthz`, { signal })).pipe(
    Effect.map((response) => (response.ok ? "" : `answers with status ${response.status}`)),
    Effect.timeoutOrElse({
      duration: answerMs,
      orElse: () => Effect.succeed(`no answer within ${answerMs / 1_000} s`),
    }),
    Effect.catch((error) => Effect.succeed(wordsOf(error.cause))),
  )

/** fetch says only that it failed; what went wrong is inside. */
export const wordsOf = (cause: unknown): string => {
  const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause
  return inner instanceof Error ? inner.message : String(inner)
}
