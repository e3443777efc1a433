// Runs classic BPF as the kernel does (net/core/filter.c), for tests: the verdict of a filter on one packet.

export interface Seen {
  /** ARPHRD_* of the device. */
  readonly deviceType?: number
  /** PACKET_* as AF_PACKET tells it. */
  readonly packetType?: number
}

/** Bytes to keep; 0 when the packet is rejected, also by a load beyond its end. */
export const runFilter = (code: Uint8Array, packet: Uint8Array, seen: Seen = {}): number => {
  const program = new DataView(code.buffer, code.byteOffset, code.byteLength)
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength)
  let a = 0
  let x = 0
  for (let at = 0; at < code.length; at += 8) {
    const op = program.getUint16(at, true)
    const k = program.getUint32(at + 4, true)
    const jump = (isTrue: boolean): void => {
      at += 8 * program.getUint8(at + (isTrue ? 2 : 3))
    }
    switch (op) {
      case 0x20:
      case 0x28:
      case 0x48:
      case 0x50: {
        if (k === 0xffff_f004) {
          a = seen.packetType ?? 0
          break
        }
        if (k === 0xffff_f01c) {
          a = seen.deviceType ?? 1
          break
        }
        const from = op >= 0x40 ? x + k : k
        const size = op === 0x20 ? 4 : op === 0x50 ? 1 : 2
        if (from + size > packet.length) return 0
        a = size === 4 ? view.getUint32(from) : size === 2 ? view.getUint16(from) : view.getUint8(from)
        break
      }
      case 0x01:
        x = k
        break
      case 0x04:
        a = (a + k) >>> 0
        break
      case 0x0c:
        a = (a + x) >>> 0
        break
      case 0x54:
        a = (a & k) >>> 0
        break
      case 0x64:
        a = (a << k) >>> 0
        break
      case 0x74:
        a >>>= k
        break
      case 0x05:
        at += 8 * k
        break
      case 0x15:
        jump(a === k)
        break
      case 0x45:
        jump((a & k) !== 0)
        break
      case 0x06:
        return k
      case 0x07:
        x = a
        break
      case 0x87:
        a = x
        break
      default:
        throw new Error(`instruction 0x${op.toString(16)} is not known`)
    }
  }
  throw new Error("the program has no end")
}
