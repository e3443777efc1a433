// Other regions as the configuration names them, and whether they answer.

import { readFileSync } from "node:fs"
import * as Effect from "effect/Effect"
import { askHttp, webTrust } from "./askHttp.ts"

export interface OtherRegion {
  readonly name: string
  /** Of a server's query API, without a slash at the end. */
  readonly url: string
  /** Authorities (PEM) by which its servers are known; undefined: those of the system. */
  readonly ca?: string | undefined
}

const answerMs = 2_000
const healthBytesMost = 1_048_576

/** "NAME=URL"; undefined: it is not that. */
export const parseRegion = (text: string): OtherRegion | undefined => {
  const [, name, url] = /^([\w.-]{1,64})=(https?:\/\/\S+?)\/*$/.exec(text) ?? []
  return name === undefined || url === undefined || !URL.canParse(url) ? undefined : { name, url }
}

/** Those of the configuration; what is no region is left out, a file that cannot be read counts as none. */
export const regionsOf = ({
  regions,
  regionsCa,
}: {
  readonly regions: ReadonlyArray<string>
  readonly regionsCa: string
}): ReadonlyArray<OtherRegion> => {
  const ca = regionsCa === "" ? undefined : readAuthorities(regionsCa)
  return regions.flatMap((text) => {
    const region = parseRegion(text)
    return region === undefined ? [] : [{ ...region, ca }]
  })
}

/** Undefined: it cannot be read. */
export const readAuthorities = (file: string): string | undefined => {
  try {
    return readFileSync(file, "utf8")
  } catch {
    return undefined
  }
}

/** Empty: it answers; else why not. */
export const regionProblem = (region: OtherRegion): Effect.Effect<string> =>
  Effect.tryPromise((signal) =>
    askHttp(`${region.url}/healthz`, {
      signal,
      bytesMost: healthBytesMost,
      tls: webTrust(region.ca, region.name),
    }),
  ).pipe(
    Effect.map(({ status }) => (status === 200 ? "" : `answers with status ${status}`)),
    Effect.timeoutOrElse({
      duration: answerMs,
      orElse: () => Effect.succeed(`no answer within ${answerMs / 1_000} s`),
    }),
    Effect.catch(({ cause }) => Effect.succeed(cause instanceof Error ? cause.message : String(cause))),
  )
