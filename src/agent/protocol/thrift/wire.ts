// Words of Thrift's encodings: kinds of messages, the beginnings of the binary, compact and header protocols, names.

export const MessageType = { call: 1, reply: 2, exception: 3, oneway: 4 } as const

export const isRequestType = (type: number): boolean =>
  type === MessageType.call || type === MessageType.oneway

export const Encoding = { binary: 0, compact: 2 } as const

export const binaryMark = 0x80
export const compactMark = 0x82
export const compactVersion = 1
/** First byte of the header protocol behind a frame's length. */
export const headerMark = 0x0f
/** First byte of the lengths of all frames: of 256 MiB at most. */
export const maxLengthByte = 0x0f
export const maxName = 256

/** Letters, digits, and what joins the parts of a name. */
export const isName = (bytes: Uint8Array, start: number, end: number): boolean => {
  for (let i = start; i < end; i++) {
    const c = bytes[i]
    const isLetter = (c | 32) >= 97 && (c | 32) <= 122
    const isOther = (c >= 48 && c <= 58) || c === 46 || c === 36 || c === 47 || c === 45
    if (!isLetter && c !== 95 && (i === start || !isOther)) return false
  }
  return end > start
}
