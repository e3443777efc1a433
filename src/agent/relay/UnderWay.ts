// The bytes of requests that are being received or worked on: of one, and of all together. What there is no room for is refused while
// it arrives, not when it is whole.

import { brotliDecompress, gunzip, inflate, type InputType, zstdDecompress } from "node:zlib"

type Inflate = (
  bytes: InputType,
  options: { readonly maxOutputLength: number },
  done: (error: Error | null, plain: Buffer) => void,
) => void

const codings: ReadonlyMap<string, Inflate> = new Map<string, Inflate>([
  ["gzip", gunzip],
  ["deflate", inflate],
  ["br", brotliDecompress],
  ["zstd", zstdDecompress],
])

export const isKnownCoding = (coding: string): boolean =>
  coding === "" || coding === "identity" || codings.has(coding)

export class UnderWay {
  readonly #mostBytes: number
  #bytes = 0

  /** `mostBytes`: of all requests together, as they arrive. */
  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes
  }

  get bytes(): number {
    return this.#bytes
  }

  /** False: there is no room. */
  take(bytes: number): boolean {
    if (this.#bytes + bytes > this.#mostBytes) return false
    this.#bytes += bytes
    return true
  }

  release(bytes: number): void {
    this.#bytes -= bytes
  }
}

/** What a body is once it is no longer compressed; undefined: it is not what it says, "too_large": it would be more than `most`. */
export const plainBody = (
  body: Buffer,
  coding: string,
  most: number,
): Promise<Buffer | "too_large" | undefined> => {
  const decompress = codings.get(coding)
  if (decompress === undefined) return Promise.resolve(body)
  return new Promise((resolve) =>
    decompress(body, { maxOutputLength: most }, (error, plain) =>
      resolve(
        error === null
          ? plain
          : (error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE"
            ? "too_large"
            : undefined,
      ),
    ),
  )
}
