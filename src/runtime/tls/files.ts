// Where a process keeps its certificate: `tls/` in its data directory, readable by its owner only. Key, certificate and authority are
// one file, so that no crash leaves a key with another's certificate.

import { randomBytes } from "node:crypto"
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs"
import { join } from "node:path"
import type { ConnectionOptions } from "node:tls"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type { KeyAndCsr } from "./csr.ts"
import type { Credentials } from "./LiveCredentials.ts"
import { pemOf } from "./pem.ts"
import { clientTls } from "./tlsOptions.ts"

export class TlsFileError extends Data.TaggedError("TlsFileError")<{ readonly message: string }> {}

const identityFile = "identity.pem"
const authorityFile = "authority.pem"
/** A key and a request that nobody has answered yet. */
const pendingFile = "request.pem"

const directoryOf = (data: string): string => join(data, "tls")

const attempt = <A>(path: string, work: () => A): Effect.Effect<A, TlsFileError> =>
  Effect.try({
    try: work,
    catch: (cause) =>
      cause instanceof TlsFileError
        ? cause
        : new TlsFileError({
            message: `${path} cannot be used (${(cause as NodeJS.ErrnoException).code ?? (cause as Error).message}): make it usable or choose another data directory with --data DIR`,
          }),
  })

const sync = (path: string): void => {
  const descriptor = openSync(path, "r")
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

const write = (data: string, name: string, text: string): void => {
  const directory = directoryOf(data)
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const path = join(directory, name)
  const aside = `${path}.${randomBytes(4).toString("hex")}`
  try {
    const descriptor = openSync(aside, "wx", 0o600)
    try {
      writeSync(descriptor, text)
      fsyncSync(descriptor)
    } finally {
      closeSync(descriptor)
    }
    renameSync(aside, path)
  } catch (cause) {
    rmSync(aside, { force: true })
    throw cause
  }
  sync(directory)
}

/** Undefined: there is no such file. A secret that others of the machine may read is none. */
const read = (data: string, name: string, isSecret: boolean): string | undefined => {
  const path = join(directoryOf(data), name)
  try {
    if (isSecret && (statSync(path).mode & 0o077) !== 0)
      throw new TlsFileError({ message: `${path} may be read by others: chmod 600 ${path}` })
    return readFileSync(path, "utf8")
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined
    throw cause
  }
}

const damaged = (data: string, name: string) =>
  new TlsFileError({
    message: `${join(directoryOf(data), name)} is not what Sonde wrote there: remove it and enrol again with a token`,
  })

/** Keeps the credentials; a request that waited is answered by them and goes. */
export const keepCredentials = (data: string, credentials: Credentials): Effect.Effect<void, TlsFileError> =>
  attempt(directoryOf(data), () => {
    write(data, identityFile, credentials.key + credentials.certificate + credentials.authority)
    write(data, authorityFile, credentials.authority)
    rmSync(join(directoryOf(data), pendingFile), { force: true })
  })

/** Undefined: none were kept. */
export const readCredentials = (data: string): Effect.Effect<Credentials | undefined, TlsFileError> =>
  attempt(directoryOf(data), () => {
    const text = read(data, identityFile, true)
    if (text === undefined) return undefined
    const [key] = pemOf(text, "PRIVATE KEY")
    const [certificate, authority] = pemOf(text, "CERTIFICATE")
    if (key === undefined || certificate === undefined || authority === undefined)
      throw damaged(data, identityFile)
    return { key, certificate, authority }
  })

/** The authority, for clients that have no certificate of their own. */
export const keepAuthority = (data: string, authority: string): Effect.Effect<void, TlsFileError> =>
  attempt(directoryOf(data), () => write(data, authorityFile, authority))

export const readAuthority = (data: string): Effect.Effect<string | undefined, TlsFileError> =>
  attempt(directoryOf(data), () => {
    const text = read(data, authorityFile, false)
    if (text === undefined) return undefined
    const [authority] = pemOf(text, "CERTIFICATE")
    if (authority === undefined) throw damaged(data, authorityFile)
    return authority
  })

/** Keeps what an enrolment waits for, so that the same request is made again after a restart. */
export const keepRequest = (data: string, request: KeyAndCsr): Effect.Effect<void, TlsFileError> =>
  attempt(directoryOf(data), () => write(data, pendingFile, request.key + request.csr))

export const readRequest = (data: string): Effect.Effect<KeyAndCsr | undefined, TlsFileError> =>
  attempt(directoryOf(data), () => {
    const text = read(data, pendingFile, true)
    const [key] = pemOf(text ?? "", "PRIVATE KEY")
    const [csr] = pemOf(text ?? "", "CERTIFICATE REQUEST")
    return key === undefined || csr === undefined ? undefined : { key, csr }
  })

/** How a program of this data directory connects to servers: with its certificate, or at least with their authority. */
export const readClientTls = (data: string): Effect.Effect<ConnectionOptions, TlsFileError> =>
  Effect.gen(function* () {
    const credentials = yield* readCredentials(data)
    if (credentials !== undefined) return clientTls(credentials)
    const authority = yield* readAuthority(data)
    if (authority !== undefined) return clientTls({ authority })
    return yield* new TlsFileError({
      message: `${join(directoryOf(data), authorityFile)} is missing, by which servers are known: copy it from the data directory of one, or present a token that begins with sonde1, which names it`,
    })
  })
