// Reads a capture from a file or a stream of bytes, gzip or not, packet by packet: memory stays the same for
// any size. The event loop gets its turn between pieces of 256 KiB.

import { open } from "node:fs/promises"
import * as Effect from "effect/Effect"
import { CaptureDecoder } from "./CaptureDecoder.ts"
import { CaptureFileError } from "./CaptureFileError.ts"
import type { CapturedPacket } from "./CapturedPacket.ts"
import { Gunzip } from "./Gunzip.ts"
import { readableNames } from "./linkTypes.ts"

const readBytes = 256 * 1024

/** A path, or the bytes themselves in pieces (standard input). */
export type CaptureSource = string | AsyncIterable<Uint8Array> | Iterable<Uint8Array>

export interface CaptureSummary {
  readonly format: "pcap" | "pcapng"
  readonly isCompressed: boolean
  readonly packets: number
  /** Bytes of the uncompressed capture that were read as something whole. */
  readonly bytes: number
  /** What a person should know: the file is cut off, packets of some link layer were skipped. */
  readonly warnings: ReadonlyArray<string>
}

/** The buffer is used again for each piece. */
const piecesOf = async function* (path: string): AsyncGenerator<Uint8Array> {
  const file = await open(path, "r")
  try {
    const buffer = new Uint8Array(readBytes)
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, readBytes, null)
      if (bytesRead === 0) return
      yield buffer.subarray(0, bytesRead)
    }
  } finally {
    await file.close()
  }
}

const isGzip = (head: Uint8Array): boolean => head.length >= 2 && head[0] === 0x1f && head[1] === 0x8b

/** Feeds the decoder; true when the data was compressed and its compression is cut off. */
const decodeAll = async (
  pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  decoder: CaptureDecoder,
  signal: AbortSignal | undefined,
): Promise<{ readonly isCompressed: boolean; readonly isCut: boolean }> => {
  let head: Uint8Array | null = new Uint8Array(0)
  let gunzip: Gunzip | null = null
  try {
    for await (const piece of pieces) {
      signal?.throwIfAborted()
      let bytes = piece
      if (head !== null) {
        // A stream may begin with a single byte.
        bytes = new Uint8Array(head.length + piece.length)
        bytes.set(head)
        bytes.set(piece, head.length)
        head = bytes.length < 2 ? bytes : null
        if (head !== null) continue
        if (isGzip(bytes)) gunzip = new Gunzip((plain) => decoder.push(plain))
      }
      if (gunzip === null) decoder.push(bytes)
      else await gunzip.write(bytes)
    }
    if (head !== null) decoder.push(head)
    if (gunzip === null) return { isCompressed: false, isCut: false }
    return { isCompressed: true, isCut: !(await gunzip.end()) }
  } finally {
    gunzip?.close()
  }
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EACCES: "no permission to read it",
  EISDIR: "it is a directory, expected a pcap or pcapng file",
}

const toError = (cause: unknown, offset: number): CaptureFileError => {
  if (cause instanceof CaptureFileError) return cause
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : ""
  return new CaptureFileError({
    reason: "unreadable",
    offset,
    message: reasons[code] ?? `reading failed: ${cause instanceof Error ? cause.message : String(cause)}`,
    cause,
  })
}

/** Where a capture comes from, for messages. */
const withName = (error: CaptureFileError, source: CaptureSource): CaptureFileError =>
  typeof source !== "string"
    ? error
    : new CaptureFileError({ ...error, message: `${source}: ${error.message}`, cause: error.cause })

/**
 * Calls `onPacket` for each packet, always with the same object. Rejects with a CaptureFileError, after all
 * packets before the fault were handed out; what `onPacket` throws comes out as it is.
 */
export const readPackets = async (
  source: CaptureSource,
  onPacket: (packet: CapturedPacket) => void,
  signal?: AbortSignal,
): Promise<CaptureSummary> => {
  const consumer = { hasThrown: false, error: undefined as unknown }
  const decoder = new CaptureDecoder((packet) => {
    try {
      onPacket(packet)
    } catch (error) {
      consumer.hasThrown = true
      consumer.error = error
      throw error
    }
  })
  try {
    const pieces = typeof source === "string" ? piecesOf(source) : source
    const { isCompressed, isCut } = await decodeAll(pieces, decoder, signal)
    const truncation = decoder.end()
    const warnings: Array<string> = []
    if (truncation !== undefined) warnings.push(truncation)
    else if (isCut)
      warnings.push(`truncated: the gzip data is cut off after ${decoder.offset} decompressed bytes`)
    if (decoder.skipped.size > 0) {
      const skipped = [...decoder.skipped.values()].reduce((sum, count) => sum + count, 0)
      warnings.push(
        `${skipped} packets of ${decoder.skippedNames()} were skipped, only ${readableNames} are read`,
      )
    }
    return {
      format: decoder.format ?? "pcap",
      isCompressed,
      packets: decoder.packets,
      bytes: decoder.offset,
      warnings,
    }
  } catch (cause) {
    if (consumer.hasThrown) throw consumer.error
    throw withName(toError(cause, decoder.offset), source)
  }
}

/**
 * `readPackets` as an Effect: a fault of the file is its failure, a throwing `onPacket` a defect;
 * interruption stops reading.
 */
export const readPcap = (
  source: CaptureSource,
  onPacket: (packet: CapturedPacket) => void,
): Effect.Effect<CaptureSummary, CaptureFileError> =>
  Effect.tryPromise({
    try: (signal) => readPackets(source, onPacket, signal),
    catch: (cause) => cause,
  }).pipe(
    Effect.catch((cause) => (cause instanceof CaptureFileError ? Effect.fail(cause) : Effect.die(cause))),
  )
