// DER (X.690): as much as certificates and requests for them need. The writer is given values that are right; the reader believes
// nothing: definite and shortest lengths only, everything within its bounds, no recursion.

export interface DerValue {
  readonly tag: number
  readonly content: Buffer
  /** With tag and length, as it was signed. */
  readonly whole: Buffer
}

const lengthOf = (length: number): Buffer => {
  if (length < 0x80) return Buffer.from([length])
  const bytes: Array<number> = []
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest & 255)
  return Buffer.from([0x80 | bytes.length, ...bytes])
}

export const value = (tag: number, ...parts: ReadonlyArray<Uint8Array>): Buffer => {
  const content = Buffer.concat(parts)
  return Buffer.concat([Buffer.from([tag]), lengthOf(content.length), content])
}

export const sequence = (...parts: ReadonlyArray<Uint8Array>): Buffer => value(0x30, ...parts)
export const setOf = (...parts: ReadonlyArray<Uint8Array>): Buffer => value(0x31, ...parts)
export const octets = (...parts: ReadonlyArray<Uint8Array>): Buffer => value(0x04, ...parts)
export const utf8 = (text: string): Buffer => value(0x0c, Buffer.from(text))
export const yes: Buffer = value(0x01, Buffer.from([0xff]))
/** Of whole bytes. */
export const bits = (bytes: Uint8Array): Buffer => value(0x03, Buffer.from([0]), bytes)

/** `bytes`: magnitude of a number that is not negative. */
export const integer = (bytes: Uint8Array): Buffer => {
  let from = 0
  while (from < bytes.length - 1 && bytes[from] === 0) from++
  const shortest = bytes.subarray(from)
  return shortest[0]! < 0x80 ? value(0x02, shortest) : value(0x02, Buffer.from([0]), shortest)
}

/** "1.2.840.10045.4.3.2" */
export const objectId = (dotted: string): Buffer => {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number)
  const bytes: Array<number> = []
  for (const arc of [first * 40 + second, ...rest]) {
    const groups = [arc & 127]
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128))
      groups.unshift((left & 127) | 128)
    bytes.push(...groups)
  }
  return value(0x06, Buffer.from(bytes))
}

/** UTCTime before 2050, GeneralizedTime from then on (RFC 5280, 4.1.2.5); seconds are whole. */
export const time = (ms: number): Buffer => {
  const text = new Date(ms).toISOString().replaceAll(/[-:T]|\.\d+/g, "")
  return text < "2050" ? value(0x17, Buffer.from(text.slice(2))) : value(0x18, Buffer.from(text))
}

/** The values that stand side by side in `bytes`; undefined: that is no DER, or more than `most` of them. */
export const readAll = (bytes: Buffer, most: number): ReadonlyArray<DerValue> | undefined => {
  const found: Array<DerValue> = []
  let at = 0
  while (at < bytes.length) {
    const start = at
    const tag = bytes[at++]!
    const first = bytes[at++]
    // Tags of several bytes do not occur in what is read here.
    if ((tag & 31) === 31 || first === undefined || found.length === most) return undefined
    let length = first
    if (first >= 0x80) {
      const width = first & 127
      if (width === 0 || width > 4 || at + width > bytes.length) return undefined
      length = bytes.readUIntBE(at, width)
      if (length < 0x80 || bytes[at] === 0) return undefined
      at += width
    }
    if (length > bytes.length - at) return undefined
    found.push({ tag, content: bytes.subarray(at, at + length), whole: bytes.subarray(start, at + length) })
    at += length
  }
  return found
}

/** The parts of a SEQUENCE that is all of `bytes`. */
export const readSequence = (bytes: Buffer, most: number): ReadonlyArray<DerValue> | undefined => {
  const only = readAll(bytes, 1)?.[0]
  return only?.tag === 0x30 ? readAll(only.content, most) : undefined
}
