// Ids of traces and spans as the tables keep them: 16 and 8 bytes where they are hexadecimal of that length, else as text.
// A quarter of the bytes of their text, for what does not compress at all.

export interface SplitIds<Data> {
  readonly binary: Data
  /** Empty where the binary form holds. */
  readonly text: ReadonlyArray<string>
}

/** Value of a hexadecimal digit by its character code; -1: none. Upper case is told apart: text would not come back as it was. */
const digits = new Int8Array(128).fill(-1)
for (let value = 0; value < 16; value++) digits[value.toString(16).charCodeAt(0)] = value

const digitAt = (text: string, at: number): number => {
  const code = text.charCodeAt(at)
  return code < 128 ? digits[code]! : -1
}

/** True when the whole text was hexadecimal, of twice `bytes` digits, and not all zero. */
const readHex = (text: string, target: Uint8Array, at: number, bytes: number): boolean => {
  if (text.length !== bytes * 2) return false
  let any = 0
  for (let i = 0; i < bytes; i++) {
    const high = digitAt(text, i * 2)
    const low = digitAt(text, i * 2 + 1)
    if (high < 0 || low < 0) {
      target.fill(0, at, at + bytes)
      return false
    }
    target[at + i] = (high << 4) | low
    any |= target[at + i]!
  }
  return any !== 0
}

export const splitTraceIds = (ids: ReadonlyArray<string>, rows: number): SplitIds<Uint8Array> => {
  const binary = new Uint8Array(rows * 16)
  const text = new Array<string>(rows)
  for (let row = 0; row < rows; row++) text[row] = readHex(ids[row]!, binary, row * 16, 16) ? "" : ids[row]!
  return { binary, text }
}

const eight = new Uint8Array(8)
const eightView = new DataView(eight.buffer)

export const splitSpanIds = (ids: ReadonlyArray<string>, rows: number): SplitIds<BigUint64Array> => {
  const binary = new BigUint64Array(rows)
  const text = new Array<string>(rows)
  for (let row = 0; row < rows; row++) {
    const id = ids[row]!
    if (id !== "" && readHex(id, eight, 0, 8)) {
      binary[row] = eightView.getBigUint64(0)
      text[row] = ""
    } else {
      text[row] = id
    }
  }
  return { binary, text }
}
