// The Huffman code of HPACK (RFC 7541 section 5.2 and appendix B), decoded four bits at a time by a table of states.
// The code is canonical, so the lengths of its words are all that must be written down.

/** Bits of the code word of each byte, and of the end of string (256). */
const codeLengths = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
  6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
  15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
  20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
  22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
  26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
  20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
  30,
] // prettier-ignore

const endOfString = 256
const noSymbol = -1
/** A full binary tree with 257 leaves has as many inner nodes less one. */
const stateCount = 256
const broken = 0xffff

/** By state and next four bits: the state after them. */
const nextState = new Uint16Array(stateCount * 16).fill(broken)
/** The same: the byte they complete, or `noSymbol`. No code word is shorter than five bits, so it is one at most. */
const symbolOf = new Int16Array(stateCount * 16).fill(noSymbol)
/** States in which a string may end: fewer than eight bits after its last byte, all of them ones. */
const mayEnd = new Uint8Array(stateCount)

const buildTables = (): void => {
  // Children of inner nodes: another inner node (>= 0), a symbol (-1 - symbol), or none yet.
  const none = 1_000
  const children: Array<[number, number]> = [[none, none]]
  let code = 0
  for (let length = 5; length <= 30; length++) {
    for (let symbol = 0; symbol <= endOfString; symbol++) {
      if (codeLengths[symbol] !== length) continue
      let node = 0
      for (let bit = length - 1; bit > 0; bit--) {
        const branch = (code >>> bit) & 1
        if (children[node][branch] === none) {
          children[node][branch] = children.length
          children.push([none, none])
        }
        node = children[node][branch]
      }
      children[node][code & 1] = -1 - symbol
      code++
    }
    code *= 2
  }
  for (let state = 0; state < stateCount; state++) {
    for (let bits = 0; bits < 16; bits++) {
      let node = state
      let symbol = noSymbol
      for (let bit = 3; bit >= 0 && node !== broken; bit--) {
        const child = children[node][(bits >>> bit) & 1]
        if (child >= 0) node = child
        else if (child === -1 - endOfString) node = broken
        else {
          symbol = -1 - child
          node = 0
        }
      }
      nextState[state * 16 + bits] = node
      symbolOf[state * 16 + bits] = symbol
    }
  }
  let node = 0
  for (let ones = 0; ones < 8; ones++) {
    mayEnd[node] = 1
    node = children[node][1]
  }
}
buildTables()

/** Bytes that `count` bytes of code can become at most. */
export const decodedBound = (count: number): number => Math.floor((count * 8) / 5)

/** Decodes bytes[start, end) into `out`, which has room; the number of decoded bytes, or -1 when it is not such a code. */
export const decodeHuffman = (bytes: Uint8Array, start: number, end: number, out: Uint8Array): number => {
  let state = 0
  let length = 0
  for (let i = start; i < end; i++) {
    const c = bytes[i]
    const high = (state << 4) | (c >>> 4)
    state = nextState[high]
    if (state === broken) return -1
    if (symbolOf[high] >= 0) out[length++] = symbolOf[high]
    const low = (state << 4) | (c & 15)
    state = nextState[low]
    if (state === broken) return -1
    if (symbolOf[low] >= 0) out[length++] = symbolOf[low]
  }
  return mayEnd[state] === 1 ? length : -1
}
