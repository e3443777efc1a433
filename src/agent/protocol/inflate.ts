// Takes compressed messages apart. Bound: 256 KiB of text come out of one; of larger ones only the beginning is read.

import { Buffer } from "node:buffer"
import { constants, inflateSync, zstdDecompressSync } from "node:zlib"

const maxText = 256 * 1024
/** Compressed bytes that are tried when the text is longer than `maxText`. */
const maxTried = 4096
/** Both grow what they are given at most this much, or refuse. */
const maxGrown = 8 * 1024 * 1024

const nothing = new Uint8Array(0)

/** The text that bytes[start, end) stand for, or its beginning when they are only a part; empty when they are damaged. */
export const inflate = (
  isZstd: boolean,
  bytes: Uint8Array,
  start: number,
  end: number,
  textLength: number,
): Uint8Array => {
  const stop = textLength > maxText ? Math.min(end, start + maxTried) : end
  const input = Buffer.from(bytes.buffer, bytes.byteOffset + start, stop - start)
  try {
    const text = isZstd
      ? zstdDecompressSync(input, {
          finishFlush: constants.ZSTD_e_flush,
          maxOutputLength: maxGrown,
        })
      : inflateSync(input, { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: maxGrown })
    return text.subarray(0, Math.min(textLength, maxText))
  } catch {
    return nothing
  }
}
