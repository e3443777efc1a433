// What the kernel side summed of datagrams since it was last asked: one sum for each socket and peer.

import { comm16, readU64 } from "./eventEnds.ts"
import { datagramKey, datagramSum } from "./layout.gen.ts"

export interface DatagramSum {
  readonly socket: bigint
  readonly tgid: number
  /** Kernel's name of the process. */
  readonly comm: string
  /** 16 bytes each, of a buffer that is used again. */
  readonly localIp: Uint8Array
  readonly remoteIp: Uint8Array
  readonly localPort: number
  /** 0: the process did not ask who sent them. */
  readonly remotePort: number
  /** The first was received. */
  readonly isAsked: boolean
  readonly sent: number
  readonly sentBytes: number
  readonly received: number
  readonly receivedBytes: number
  /** Microseconds since 1970. */
  readonly begunUs: number
  readonly lastUs: number
}

/** Of one look into the kernel's table. */
const sumsAtOnce = 1_024

export class DatagramSums {
  readonly #keys = new Uint8Array(sumsAtOnce * datagramKey.size)
  readonly #sums = new Uint8Array(sumsAtOnce * datagramSum.size)
  readonly #keysView = new DataView(this.#keys.buffer)
  readonly #sumsView = new DataView(this.#sums.buffer)
  readonly #take: (keys: Uint8Array, sums: Uint8Array) => number
  readonly #clockOffsetNs: number

  /** `take` moves what there is into the buffers (layout: datagramKey, datagramSum); returns how many. */
  constructor(take: (keys: Uint8Array, sums: Uint8Array) => number, clockOffsetNs: number) {
    this.#take = take
    this.#clockOffsetNs = clockOffsetNs
  }

  /** Hands out all there are. */
  each(found: (sum: DatagramSum) => void): void {
    for (let taken = sumsAtOnce; taken === sumsAtOnce;) {
      taken = this.#take(this.#keys, this.#sums)
      for (let i = 0; i < taken; i++) found(this.#read(i * datagramKey.size, i * datagramSum.size))
    }
  }

  #read(keyAt: number, sumAt: number): DatagramSum {
    const key = this.#keysView
    const sum = this.#sumsView
    const timeUs = (at: number): number => Math.floor((readU64(sum, at) + this.#clockOffsetNs) / 1_000)
    const remoteIpAt = keyAt + datagramKey.remoteIp
    const localIpAt = sumAt + datagramSum.localIp
    return {
      socket: key.getBigUint64(keyAt + datagramKey.socket, true),
      tgid: key.getUint32(keyAt + datagramKey.tgid, true),
      comm: comm16(this.#sums, sumAt + datagramSum.comm),
      localIp: this.#sums.subarray(localIpAt, localIpAt + 16),
      remoteIp: this.#keys.subarray(remoteIpAt, remoteIpAt + 16),
      localPort: key.getUint16(keyAt + datagramKey.localPort, true),
      remotePort: key.getUint16(keyAt + datagramKey.remotePort, true),
      isAsked: sum.getUint8(sumAt + datagramSum.isAsked) === 1,
      sent: sum.getUint32(sumAt + datagramSum.sent, true),
      sentBytes: readU64(sum, sumAt + datagramSum.sentBytes),
      received: sum.getUint32(sumAt + datagramSum.received, true),
      receivedBytes: readU64(sum, sumAt + datagramSum.receivedBytes),
      begunUs: timeUs(sumAt + datagramSum.begunNs),
      lastUs: timeUs(sumAt + datagramSum.lastNs),
    }
  }
}
