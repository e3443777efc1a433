// zstd for bodies. Small ones on the calling thread, large ones on zlib's pool: measured here, the hand-over costs 100 to 150 us
// of CPU and 256 KiB compress in 0.45 ms, so that neither end stops its event loop for longer than about a millisecond.

import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { constants, zstdCompress, zstdCompressSync, zstdDecompress, zstdDecompressSync } from "node:zlib"

/** The bytes are no zstd frame of the declared length. */
export class DecompressError extends Data.TaggedError("DecompressError")<{ readonly cause: unknown }> {}

export interface Compressed {
  readonly codec: "none" | "zstd"
  readonly body: Uint8Array
}

const compressHereMost = 256 * 1024
const decompressHereMost = 512 * 1024
/** The window a frame may ask for: 2^23 = 8 MiB (level 1 uses 2^19). */
const windowLogMost = 23

/** The body compressed, or as it is where that saves nothing. */
export const compress = (body: Uint8Array): Effect.Effect<Compressed> => {
  const options = {
    // One output buffer for all: the default of 16 KiB pieces costs up to 60 % more on the pool.
    chunkSize: body.length + 1024,
    params: { [constants.ZSTD_c_compressionLevel]: 1 },
  }
  const smaller = (compressed: Uint8Array): Compressed =>
    compressed.length < body.length ? { codec: "zstd", body: compressed } : { codec: "none", body }
  if (body.length <= compressHereMost) return Effect.sync(() => smaller(zstdCompressSync(body, options)))
  return Effect.callback((resume) => {
    zstdCompress(body, options, (error, compressed) =>
      resume(error === null ? Effect.succeed(smaller(compressed)) : Effect.die(error)),
    )
  })
}

/** `bytes`: what comes out, exactly; nothing beyond it is allocated. */
export const decompress = (body: Uint8Array, bytes: number): Effect.Effect<Uint8Array, DecompressError> => {
  const options = {
    chunkSize: Math.max(64, bytes),
    maxOutputLength: Math.max(1, bytes),
    params: { [constants.ZSTD_d_windowLogMax]: windowLogMost },
  }
  const checked = (plain: Uint8Array): Effect.Effect<Uint8Array, DecompressError> =>
    plain.length === bytes
      ? Effect.succeed(plain)
      : Effect.fail(new DecompressError({ cause: `${plain.length} bytes instead of ${bytes}` }))
  if (bytes <= decompressHereMost) {
    return Effect.flatMap(
      Effect.try({
        try: () => zstdDecompressSync(body, options),
        catch: (cause) => new DecompressError({ cause }),
      }),
      checked,
    )
  }
  return Effect.callback((resume) => {
    zstdDecompress(body, options, (error, plain) =>
      resume(error === null ? checked(plain) : Effect.fail(new DecompressError({ cause: error }))),
    )
  })
}
