// Archives in the format "ustar" (POSIX.1-1988), as far as packages need it: plain files, nothing else. A reader takes whatever comes:
// links, devices and paths that leave the directory are refused, not followed.

import * as Data from "effect/Data"

/** The archive is not one that Sonde writes; nothing of it may be used. */
export class TarError extends Data.TaggedError("TarError")<{ readonly message: string }> {}

const block = 512
const nameMost = 100
const prefixMost = 155

const refuse = (message: string) => new TarError({ message })

/** Relative, without a step up and without tricks. */
export const isPlainPath = (path: string): boolean =>
  path.length > 0 &&
  !path.startsWith("/") &&
  /^[\x20-\x7e]+$/.test(path) &&
  !path.includes("\\") &&
  path.split("/").every((part) => part !== "" && part !== "." && part !== "..")

const split = (path: string): readonly [prefix: string, name: string] => {
  if (path.length <= nameMost) return ["", path]
  // The shortest name that leaves a prefix which fits.
  const at = path.indexOf("/", path.length - nameMost - 1)
  if (at <= 0 || at > prefixMost) throw refuse(`the path ${path} is too long for an archive`)
  return [path.slice(0, at), path.slice(at + 1)]
}

const octal = (value: number, width: number): string => `${value.toString(8).padStart(width - 1, "0")}\0`

const checksumOf = (header: Buffer): number => {
  let sum = 0
  // The checksum's own field counts as blanks.
  for (let i = 0; i < block; i++) sum += i >= 148 && i < 156 ? 0x20 : header[i]!
  return sum
}

/** Header, content and padding of one file. */
export const tarFile = (
  path: string,
  content: Uint8Array,
  isExecutable: boolean,
): ReadonlyArray<Uint8Array> => {
  if (!isPlainPath(path)) throw refuse(`the path ${path} cannot be in an archive`)
  const header = Buffer.alloc(block)
  const [prefix, name] = split(path)
  header.write(name, 0, "latin1")
  header.write(octal(isExecutable ? 0o755 : 0o644, 8), 100, "latin1")
  header.write(octal(0, 8), 108, "latin1")
  header.write(octal(0, 8), 116, "latin1")
  header.write(octal(content.length, 12), 124, "latin1")
  header.write(octal(0, 12), 136, "latin1")
  header.write("0", 156, "latin1")
  header.write("ustar\u000000", 257, "latin1")
  header.write(prefix, 345, "latin1")
  header.write(`${octal(checksumOf(header), 7)} `, 148, "latin1")
  return [header, content, Buffer.alloc((block - (content.length % block)) % block)]
}

/** Two empty blocks. */
export const tarEnd = Buffer.alloc(2 * block)

export interface TarVisitor {
  readonly begin: (path: string, bytes: number, isExecutable: boolean) => void
  readonly content: (bytes: Uint8Array) => void
  readonly end: () => void
}

const text = (header: Buffer, from: number, length: number): string => {
  const field = header.subarray(from, from + length)
  const end = field.indexOf(0)
  return field.toString("latin1", 0, end < 0 ? length : end)
}

const number = (header: Buffer, from: number, length: number): number => {
  const digits = text(header, from, length).trim()
  if (!/^[0-7]+$/.test(digits)) throw refuse("the archive is damaged: a number in it is none")
  return Number.parseInt(digits, 8)
}

/** Reads an archive as it comes, holding no more than one header. All methods throw `TarError`. */
export class TarReader {
  private readonly visitor: TarVisitor
  private header = Buffer.alloc(0)
  private contentLeft = 0
  private paddingLeft = 0
  private isOver = false

  constructor(visitor: TarVisitor) {
    this.visitor = visitor
  }

  push(chunk: Uint8Array): void {
    let at = 0
    while (at < chunk.length && !this.isOver) {
      if (this.contentLeft > 0) {
        const part = chunk.subarray(at, at + this.contentLeft)
        this.visitor.content(part)
        at += part.length
        this.contentLeft -= part.length
        if (this.contentLeft === 0) this.visitor.end()
      } else if (this.paddingLeft > 0) {
        const skipped = Math.min(this.paddingLeft, chunk.length - at)
        at += skipped
        this.paddingLeft -= skipped
      } else {
        const part = chunk.subarray(at, at + block - this.header.length)
        this.header = Buffer.concat([this.header, part])
        at += part.length
        if (this.header.length === block) this.open()
      }
    }
  }

  private open(): void {
    const { header } = this
    this.header = Buffer.alloc(0)
    if (header.every((byte) => byte === 0)) {
      this.isOver = true
      return
    }
    if (number(header, 148, 8) !== checksumOf(header))
      throw refuse("the archive is damaged: a header's checksum is wrong")
    const prefix = text(header, 345, prefixMost)
    const path = prefix === "" ? text(header, 0, nameMost) : `${prefix}/${text(header, 0, nameMost)}`
    const type = header[156]
    if (type !== 0x30 && type !== 0) throw refuse(`${path} in the archive is no plain file`)
    if (!isPlainPath(path))
      throw refuse(`the archive has a path that is not allowed: ${JSON.stringify(path.slice(0, 100))}`)
    this.contentLeft = number(header, 124, 12)
    this.paddingLeft = (block - (this.contentLeft % block)) % block
    this.visitor.begin(path, this.contentLeft, (number(header, 100, 8) & 0o100) !== 0)
    if (this.contentLeft === 0) this.visitor.end()
  }

  /** An archive that stops before its end is none. */
  finish(): void {
    if (!this.isOver) throw refuse("the archive ends too early")
  }
}
