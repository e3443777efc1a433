import { expect, it } from "vitest"
import { DatagramSums } from "./DatagramSums.ts"
import { datagramKey, datagramSum } from "./layout.gen.ts"

const most = 1_024

/** As if the kernel's table had so many, each with its place as the socket. */
const takes = (all: number) => {
  let taken = 0
  return (keys: Uint8Array, sums: Uint8Array): number => {
    const count = Math.min(all - taken, most)
    const key = new DataView(keys.buffer)
    const sum = new DataView(sums.buffer)
    for (let i = 0; i < count; i++) {
      key.setBigUint64(i * datagramKey.size + datagramKey.socket, BigInt(taken + i), true)
      key.setUint16(i * datagramKey.size + datagramKey.remotePort, 514, true)
      sum.setBigUint64(i * datagramSum.size + datagramSum.sentBytes, 2n ** 40n, true)
      sum.setUint32(i * datagramSum.size + datagramSum.sent, 3, true)
      sum.setBigUint64(i * datagramSum.size + datagramSum.begunNs, 7_000n, true)
    }
    taken += count
    return count
  }
}

it.each([0, 5, most, 2_500])("are all taken, %d of them", (all) => {
  const sockets: Array<bigint> = []
  new DatagramSums(takes(all), 0).each(({ socket }) => sockets.push(socket))
  expect(sockets).toEqual(Array.from({ length: all }, (_, i) => BigInt(i)))
})

it("are read as the kernel side has them", () => {
  new DatagramSums(takes(1), 5_000_000).each((sum) =>
    expect(sum).toMatchObject({ remotePort: 514, sent: 3, sentBytes: 2 ** 40, received: 0, begunUs: 5_007 }),
  )
})
