// Gzip with bounded steps: each write returns when all it decompressed to was taken, so that nothing piles up
// and a cut or damaged file still yields everything before the fault.

import { createGunzip } from "node:zlib"
import { CaptureFileError } from "./CaptureFileError.ts"

/** Deflate expands at most 1032 times: 16 MiB of a write. */
const writeBytes = 16 * 1024

export class Gunzip {
  private readonly stream = createGunzip({ chunkSize: 256 * 1024 })
  private readonly taken: Promise<void>
  private failure: unknown = null
  private produced = 0

  /** `take` gets pieces of the decompressed bytes; what it throws comes out of `write` or `end`. */
  constructor(take: (bytes: Uint8Array) => void) {
    const { stream } = this
    stream.on("data", (bytes: Uint8Array) => {
      if (this.failure !== null) return
      try {
        take(bytes)
        this.produced += bytes.length
      } catch (error) {
        this.failure = error
      }
    })
    this.taken = new Promise((resolve) => {
      stream.once("end", resolve)
      stream.once("close", resolve)
      stream.once("error", (error) => {
        this.failure ??= error
        resolve()
      })
    })
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; at += writeBytes) {
      const written = new Promise<void>((resolve) => {
        this.stream.write(bytes.subarray(at, at + writeBytes), () => resolve())
      })
      // A write that fails never calls back.
      await Promise.race([written, this.taken])
      await this.settle()
      this.check()
    }
  }

  /** True when the compressed data is whole, false when it is cut off. */
  async end(): Promise<boolean> {
    this.stream.end()
    await this.taken
    if (this.failure instanceof Error && "code" in this.failure && this.failure.code === "Z_BUF_ERROR")
      return false
    this.check()
    return true
  }

  close(): void {
    this.stream.destroy()
  }

  /** What is decompressed is taken before the stream may fail and forget it. */
  private async settle(): Promise<void> {
    while (this.failure === null && this.stream.readableLength > 0) {
      await new Promise((resolve) => {
        setImmediate(resolve)
      })
    }
  }

  private check(): void {
    const { failure, produced } = this
    if (failure === null) return
    if (failure instanceof CaptureFileError) throw failure
    throw new CaptureFileError({
      reason: "corrupt",
      offset: produced,
      message: `the gzip data is damaged after ${produced} decompressed bytes (${String(failure)})`,
      cause: failure,
    })
  }
}
