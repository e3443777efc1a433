// Text from bytes of the caller's buffer, without a view: Node's own slice functions, which take any Uint8Array.

import { Buffer } from "node:buffer"

interface Slicer {
  latin1Slice(this: Uint8Array, start: number, end: number): string
  utf8Slice(this: Uint8Array, start: number, end: number): string
}

const { latin1Slice, utf8Slice } = Buffer.prototype as unknown as Slicer

/** One character for each byte. */
export const latin1Text = (bytes: Uint8Array, start: number, end: number): string =>
  latin1Slice.call(bytes, start, end)

export const utf8Text = (bytes: Uint8Array, start: number, end: number): string =>
  utf8Slice.call(bytes, start, end)

/** The text that latin1 characters meant as UTF-8; the same string when all of it is ASCII. */
export const asUtf8 = (text: string): string => {
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) >= 0x80) return Buffer.from(text, "latin1").toString("utf8")
  }
  return text
}

/** A copy that does not keep a longer string alive which it was sliced from: for what outlives its batch. */
export const ownText = (text: string): string => Buffer.from(text, "utf8").toString("utf8")
