// The console's files: read once into memory, compressed at their first use, served with types, ETags and a
// strict policy. A path is looked up in the list of files and never joined to a directory, so that it cannot
// leave it.

import * as Effect from "effect/Effect"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { createHash } from "node:crypto"
import { readdir, readFile, stat } from "node:fs/promises"
import { extname, join, relative } from "node:path"
import { promisify } from "node:util"
import { brotliCompress, constants, gzip } from "node:zlib"

const maxFiles = 1000
const maxBytes = 64 * 1024 * 1024

interface StaticFile {
  readonly body: Uint8Array
  readonly contentType: string
  readonly etag: string
  readonly isImmutable: boolean
  /** By content-encoding; made at first use. */
  readonly encoded: Map<string, Promise<Uint8Array>>
}

interface Loaded {
  readonly version: number
  readonly files: ReadonlyMap<string, StaticFile>
}

const contentTypes: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".ico": "image/x-icon",
  ".woff2": "font/woff2",
  ".txt": "text/plain; charset=utf-8",
  ".webmanifest": "application/manifest+json",
}

const isCompressible = (contentType: string): boolean => /^text\/|json|svg/.test(contentType)

/** Vite puts a hash of the content into the names of its assets. */
const hashedAsset = /^\/assets\/.*-[A-Za-z0-9_-]{8,}\.[a-z0-9]+$/

export const securityHeaders: Readonly<Record<string, string>> = {
  "content-security-policy":
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
}

const compressors: Readonly<Record<string, (body: Uint8Array) => Promise<Uint8Array>>> = {
  br: (body) =>
    promisify(brotliCompress)(body, {
      params: { [constants.BROTLI_PARAM_QUALITY]: 9, [constants.BROTLI_PARAM_SIZE_HINT]: body.length },
    }),
  gzip: (body) => promisify(gzip)(body, { level: 9 }),
}

const loadFile = async (directory: string, path: string): Promise<readonly [string, StaticFile]> => {
  const body = await readFile(path)
  const urlPath = `/${relative(directory, path)}`
  return [
    urlPath,
    {
      body,
      contentType: contentTypes[extname(path)] ?? "application/octet-stream",
      etag: createHash("sha256").update(body).digest("base64url").slice(0, 22),
      isImmutable: hashedAsset.test(urlPath),
      encoded: new Map(),
    },
  ]
}

const load = async (directory: string, version: number): Promise<Loaded> => {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  const files = new Map<string, StaticFile>()
  let bytes = 0
  for (const path of paths.slice(0, maxFiles)) {
    const [urlPath, file] = await loadFile(directory, path)
    bytes += file.body.length
    if (bytes > maxBytes) break
    files.set(urlPath, file)
  }
  return { version, files }
}

const accepts = (acceptEncoding: string, encoding: string): boolean =>
  acceptEncoding.split(",").some((part) => {
    const [name, ...parameters] = part.split(";").map((each) => each.trim().toLowerCase())
    return name === encoding && !parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter))
  })

const matches = (ifNoneMatch: string, etag: string): boolean =>
  ifNoneMatch.split(",").some((part) => part.trim().replace(/^W\//, "") === `"${etag}"`)

const encodedBody = (file: StaticFile, encoding: string): Promise<Uint8Array> => {
  let body = file.encoded.get(encoding)
  if (body === undefined) file.encoded.set(encoding, (body = compressors[encoding](file.body)))
  return body
}

const respond = async (
  file: StaticFile,
  headers: Readonly<Record<string, string | undefined>>,
): Promise<HttpServerResponse.HttpServerResponse> => {
  const common = {
    ...securityHeaders,
    etag: `"${file.etag}"`,
    vary: "accept-encoding",
    "cache-control": file.isImmutable ? "public, max-age=31536000, immutable" : "no-cache",
  }
  if (matches(headers["if-none-match"] ?? "", file.etag)) {
    return HttpServerResponse.empty({ status: 304, headers: common })
  }
  const accepted = headers["accept-encoding"] ?? ""
  const encoding = isCompressible(file.contentType)
    ? Object.keys(compressors).find((each) => accepts(accepted, each))
    : undefined
  return encoding === undefined
    ? HttpServerResponse.uint8Array(file.body, { contentType: file.contentType, headers: common })
    : HttpServerResponse.uint8Array(await encodedBody(file, encoding), {
        contentType: file.contentType,
        headers: { ...common, "content-encoding": encoding },
      })
}

const notBuilt = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Sonde</title>
<h1>The console is not built yet</h1>
<p>The query API runs. To build the console, run <code>npm run build:web</code> in the checkout and reload this page.</p></html>
`

const notBuiltResponse = HttpServerResponse.text(notBuilt, {
  status: 503,
  contentType: "text/html; charset=utf-8",
  headers: { ...securityHeaders, "cache-control": "no-store" },
})

const notFoundResponse = HttpServerResponse.text("not found\n", { status: 404, headers: securityHeaders })

const decodedPath = (url: string): string | undefined => {
  try {
    return decodeURIComponent(url.split(/[?#]/, 1)[0])
  } catch {
    return undefined
  }
}

export interface StaticRequest {
  readonly url: string
  readonly headers: Readonly<Record<string, string | undefined>>
}

/**
 * A page of the console has no extension: it gets index.html. A changed index.html means a new build: all
 * is read anew.
 */
export const makeStaticFiles = (directory: string) => {
  let loaded: Loaded = { version: -1, files: new Map() }

  const refresh = async (): Promise<void> => {
    const version = await stat(join(directory, "index.html")).then(
      (found) => found.mtimeMs,
      () => -1,
    )
    if (version !== loaded.version) {
      loaded = version === -1 ? { version, files: new Map() } : await load(directory, version)
    }
  }

  const serve = async (request: StaticRequest): Promise<HttpServerResponse.HttpServerResponse> => {
    const path = decodedPath(request.url)
    if (path === undefined) return notFoundResponse
    const isPage = extname(path) === "" || path === "/index.html"
    if (isPage || loaded.files.size === 0) await refresh()
    if (loaded.files.size === 0) return isPage ? notBuiltResponse : notFoundResponse
    const file = loaded.files.get(isPage ? "/index.html" : path)
    return file === undefined ? notFoundResponse : respond(file, request.headers)
  }

  return (request: StaticRequest) => Effect.promise(() => serve(request))
}
