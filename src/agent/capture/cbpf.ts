// The packet filter that runs in the kernel, in classic BPF: everything but TCP of the ports to be left alone, and packets of
// loopback once. It owns the encoding of `struct sock_filter` (include/uapi/linux/filter.h).

export interface PacketFilterOptions {
  /** TCP ports whose packets are left out, at either end. */
  readonly rejectPorts: ReadonlyArray<number>
  /** Bytes kept of a packet; 65,535 unless told. */
  readonly snapBytes?: number
}

/** Instruction codes (include/uapi/linux/bpf_common.h): class | size or operation | mode or source. */
const op = {
  loadWordAt: 0x20, // A = 32 bits at k
  loadHalfAt: 0x28, // A = 16 bits at k
  loadHalfBehindX: 0x48, // A = 16 bits at X + k
  loadByteBehindX: 0x50, // A = 8 bits at X + k
  setX: 0x01, // X = k
  add: 0x04, // A += k
  addX: 0x0c, // A += X
  and: 0x54, // A &= k
  shiftLeft: 0x64, // A <<= k
  shiftRight: 0x74, // A >>= k
  jump: 0x05, // over k
  jumpIfEqual: 0x15, // A == k
  jumpIfAnyBit: 0x45, // A & k
  accept: 0x06, // k bytes; 0 rejects
  copyToX: 0x07, // X = A
  copyToA: 0x87, // A = X
} as const

/** Not bytes of the packet but what the kernel knows of it: SKF_AD_OFF + SKF_AD_*. */
const kernelKnows = { packetType: 0xffff_f000 + 4, deviceType: 0xffff_f000 + 28 } as const

/** ARPHRD_* of include/uapi/linux/if_arp.h. */
const deviceType = { ethernet: 1, loopback: 772 } as const
const packetOutgoing = 4

const etherType = { ipv4: 0x0800, ipv6: 0x86dd, vlan: 0x8100, serviceVlan: 0x88a8 } as const
const etherHeader = 14
const vlanTag = 4
/** Tags that stand in the packet itself; the outermost is usually taken out by the kernel before a filter sees it. */
const maxVlanTags = 2

const tcp = 6

/** BPF_MAXINSNS. */
const maxInstructions = 4_096

/** Collects instructions; jumps name their targets, which must come later. */
class Assembler {
  readonly #code: Array<{ code: number; k: number; whenTrue?: string; whenFalse?: string }> = []
  readonly #labels = new Map<string, number>()

  emit(code: number, k = 0): this {
    this.#code.push({ code, k })
    return this
  }

  /** Goes on with the next instruction where no label is given. */
  branch(code: number, k: number, whenTrue?: string, whenFalse?: string): this {
    this.#code.push({
      code,
      k,
      ...(whenTrue === undefined ? {} : { whenTrue }),
      ...(whenFalse === undefined ? {} : { whenFalse }),
    })
    return this
  }

  goto(label: string): this {
    return this.branch(op.jump, 0, label)
  }

  label(name: string): this {
    this.#labels.set(name, this.#code.length)
    return this
  }

  /** 8 bytes an instruction, in the machine's (little endian) order: u16 code, u8 jump if true, u8 if false, u32 k. */
  assemble(): Uint8Array {
    if (this.#code.length > maxInstructions) {
      throw new RangeError(
        `the packet filter would take ${this.#code.length} instructions, the kernel takes ${maxInstructions}: exclude fewer ports`,
      )
    }
    const bytes = new Uint8Array(this.#code.length * 8)
    const view = new DataView(bytes.buffer)
    for (const [at, { code, k, whenFalse, whenTrue }] of this.#code.entries()) {
      const distance = (label: string | undefined): number =>
        label === undefined ? 0 : this.#labels.get(label)! - at - 1
      view.setUint16(at * 8, code, true)
      if (code === op.jump) view.setUint32(at * 8 + 4, distance(whenTrue), true)
      else {
        const far = Math.max(distance(whenTrue), distance(whenFalse))
        if (far > 255) throw new RangeError(`a conditional jump over ${far} instructions cannot be encoded`)
        view.setUint8(at * 8 + 2, distance(whenTrue))
        view.setUint8(at * 8 + 3, distance(whenFalse))
        view.setUint32(at * 8 + 4, k, true)
      }
    }
    return bytes
  }
}

/** X = where the IP header begins. Devices without an Ethernet header (tun, WireGuard) deliver IP alone. */
const findIp = (filter: Assembler): void => {
  filter
    .emit(op.loadHalfAt, kernelKnows.deviceType)
    .branch(op.jumpIfEqual, deviceType.ethernet, "ethernet")
    .branch(op.jumpIfEqual, deviceType.loopback, "loopback")
    .emit(op.setX, 0)
    .goto("ip")
    // Loopback shows each packet twice, going out and coming in.
    .label("loopback")
    .emit(op.loadWordAt, kernelKnows.packetType)
    .branch(op.jumpIfEqual, packetOutgoing, "reject")
    .label("ethernet")
  for (let tags = 0; tags <= maxVlanTags; tags++) {
    const ipAt = etherHeader + tags * vlanTag
    filter.emit(op.setX, ipAt).emit(op.loadHalfAt, ipAt - 2)
    filter.branch(op.jumpIfEqual, etherType.ipv4, "ip").branch(op.jumpIfEqual, etherType.ipv6, "ip")
    if (tags < maxVlanTags) {
      filter
        .branch(op.jumpIfEqual, etherType.vlan, `tag ${tags}`)
        .branch(op.jumpIfEqual, etherType.serviceVlan, `tag ${tags}`, "accept")
        .label(`tag ${tags}`)
    } else filter.goto("accept")
  }
}

/** X = where the TCP header begins; what is not TCP, or has no ports to look at (a later fragment, extensions), is accepted. */
const findTcp = (filter: Assembler): void => {
  filter
    .label("ip")
    .emit(op.loadByteBehindX, 0)
    .emit(op.shiftRight, 4)
    .branch(op.jumpIfEqual, 4, "ipv4")
    .branch(op.jumpIfEqual, 6, "ipv6", "accept")
    .label("ipv4")
    .emit(op.loadByteBehindX, 9)
    .branch(op.jumpIfEqual, tcp, undefined, "accept")
    .emit(op.loadHalfBehindX, 6)
    .branch(op.jumpIfAnyBit, 0x1fff, "accept")
    .emit(op.loadByteBehindX, 0)
    .emit(op.and, 0xf)
    .emit(op.shiftLeft, 2)
    .goto("tcp")
    .label("ipv6")
    .emit(op.loadByteBehindX, 6)
  filter.branch(op.jumpIfEqual, tcp, undefined, "accept").emit(op.copyToA).emit(op.add, 40)
  filter.emit(op.copyToX).goto("ports").label("tcp").emit(op.addX).emit(op.copyToX)
}

/** Instructions for `addon.openPackets`. A packet that ends before what must be looked at is rejected. */
export const packetFilter = ({ rejectPorts, snapBytes = 65_535 }: PacketFilterOptions): Uint8Array => {
  if (!Number.isInteger(snapBytes) || snapBytes < 1 || snapBytes > 262_144) {
    throw new RangeError(`expected a snap length of 1 to 262144 bytes, found ${snapBytes}`)
  }
  const filter = new Assembler()
  findIp(filter)
  findTcp(filter)
  // Far labels are out of a conditional jump's reach behind many ports: both verdicts stand before them.
  filter
    .goto("ports")
    .label("reject")
    .emit(op.accept, 0)
    .label("accept")
    .emit(op.accept, snapBytes)
    .label("ports")
  for (const end of [0, 2]) {
    filter.emit(op.loadHalfBehindX, end)
    for (const [at, port] of [...new Set(rejectPorts)].entries()) {
      if (!Number.isInteger(port) || port < 0 || port > 65_535) {
        throw new RangeError(`expected a TCP port, found ${port}`)
      }
      const next = `${end} not ${at}`
      filter.branch(op.jumpIfEqual, port, undefined, next).emit(op.accept, 0).label(next)
    }
  }
  return filter.emit(op.accept, snapBytes).assemble()
}
