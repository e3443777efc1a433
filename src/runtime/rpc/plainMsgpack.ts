// Whether bytes are one plain MessagePack value (https://github.com/msgpack/msgpack/blob/master/spec.md): complete, no extension
// types, bounded in depth and items. Asked before msgpackr reads what a peer sent: it would allocate an array for any length
// that is written there, and act on records and references.

const fixed: Readonly<Record<number, number>> = {
  0xc0: 0,
  0xc2: 0,
  0xc3: 0,
  0xca: 4,
  0xcb: 8,
  0xcc: 1,
  0xcd: 2,
  0xce: 4,
  0xcf: 8,
  0xd0: 1,
  0xd1: 2,
  0xd2: 4,
  0xd3: 8,
}

/** Width of the length that follows the tag. */
const sized: Readonly<Record<number, 1 | 2 | 4>> = {
  0xc4: 1,
  0xc5: 2,
  0xc6: 4,
  0xd9: 1,
  0xda: 2,
  0xdb: 4,
  0xdc: 2,
  0xdd: 4,
  0xde: 2,
  0xdf: 4,
}

export const isPlainMsgpack = (bytes: Buffer, itemsMost: number, depthMost = 8): boolean => {
  /** Items still to come at each open array or map, innermost last. */
  const open = [1]
  let at = 0
  let items = 0
  while (open.length > 0) {
    if (open[open.length - 1] === 0) {
      open.pop()
      continue
    }
    open[open.length - 1]--
    if (at >= bytes.length || ++items > itemsMost) return false
    const tag = bytes[at++]
    let children = 0
    if (tag <= 0x7f || tag >= 0xe0) continue
    else if (tag <= 0x8f) children = (tag & 15) * 2
    else if (tag <= 0x9f) children = tag & 15
    else if (tag <= 0xbf) at += tag & 31
    else if (tag in fixed) at += fixed[tag]
    else if (tag in sized) {
      const width = sized[tag]
      if (at + width > bytes.length) return false
      const length = bytes.readUIntBE(at, width)
      at += width
      if (tag >= 0xde) children = length * 2
      else if (tag >= 0xdc) children = length
      else at += length
    } else return false
    if (at > bytes.length || children > bytes.length - at) return false
    if (children > 0 && open.push(children) > depthMost) return false
  }
  return at === bytes.length
}
