// One request over HTTP with TLS of one's own choice, which `fetch` does not offer: for commands and servers that ask other servers.

import { request as requestPlain } from "node:http"
import { request as requestTls } from "node:https"
import { X509Certificate } from "node:crypto"
import { checkServerIdentity, type ConnectionOptions, getCACertificates } from "node:tls"
import { identityIn } from "./tls/identity.ts"
import { tlsProblem } from "./tls/tlsProblem.ts"

export interface HttpQuestion {
  readonly method?: "GET" | "POST"
  /** Sent as JSON. */
  readonly body?: unknown
  readonly tls?: ConnectionOptions
  readonly bytesMost: number
  readonly signal: AbortSignal
}

export interface HttpAnswer {
  readonly status: number
  readonly text: string
}

/**
 * Trust in authorities of Sonde's regions besides those of the system (`ca`, PEM). A server of a region is known by its identity, whatever
 * its address; `region`: it has to be of this one. Any other certificate has to be for the host that was asked.
 */
export const webTrust = (ca: string | undefined, region?: string): ConnectionOptions =>
  ca === undefined
    ? {}
    : {
        ca: [ca, ...getCACertificates()],
        checkServerIdentity: (host, certificate) => {
          const identity = identityIn(new X509Certificate(certificate.raw))
          return identity?.kind === "server" && (region === undefined || identity.region === region)
            ? undefined
            : checkServerIdentity(host, certificate)
        },
      }

export const askHttp = (
  url: string,
  { body, bytesMost, method = "GET", signal, tls }: HttpQuestion,
): Promise<HttpAnswer> =>
  new Promise((resolve, reject) => {
    const failed = (error: Error) =>
      reject(
        Object.assign(new Error(tlsProblem(error), { cause: error }), {
          code: (error as NodeJS.ErrnoException).code,
        }),
      )
    const text = body === undefined ? undefined : JSON.stringify(body)
    const isTls = url.startsWith("https:")
    const options = {
      method,
      signal,
      agent: false,
      headers:
        text === undefined
          ? {}
          : { "content-type": "application/json", "content-length": Buffer.byteLength(text) },
    } as const
    const sent = isTls ? requestTls(url, { ...options, ...tls }) : requestPlain(url, options)
    sent.on("error", failed)
    sent.on("response", (response) => {
      const chunks: Array<Buffer> = []
      let bytes = 0
      response.on("data", (chunk: Buffer) => {
        bytes += chunk.length
        if (bytes > bytesMost) sent.destroy(new Error(`the answer has more than ${bytesMost} bytes`))
        else chunks.push(chunk)
      })
      response.on("error", failed)
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString("utf8") }),
      )
    })
    sent.end(text)
  })
