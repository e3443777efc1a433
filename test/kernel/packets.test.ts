// The packet ring on loopback and on a pair of virtual devices with a network namespace at the other end.

import { execFileSync, spawnSync } from "node:child_process"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { packetFilter } from "../../src/agent/capture/cbpf.ts"
import { type Addon, loadAddon, type PacketRing } from "../../src/agent/capture/native/Addon.ts"
import { freePort } from "../system/support/programs.ts"
import { until } from "../system/support/Sonde.ts"
import { describeSystem } from "../system/support/system.ts"
import { packetSocketsOf } from "./support/kernelObjects.ts"

const ip = "/usr/sbin/ip"
const headerBytes = 32
const loopback = 772
const outgoing = 4

interface Seen {
  readonly captured: number
  readonly original: number
  readonly device: number
  readonly packetType: number
  readonly vlan: number
  readonly timeNs: bigint
  readonly linkType: number
  readonly bytes: Buffer
}

/** Records as pollPackets leaves them (native/packet_ring.c). */
const decode = (bytes: Uint8Array, length: number): Array<Seen> => {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, length)
  const seen: Array<Seen> = []
  for (let at = 0; at < length;) {
    const captured = view.readUInt32LE(at)
    seen.push({
      captured,
      original: view.readUInt32LE(at + 4),
      device: view.readUInt32LE(at + 8),
      packetType: view.readUInt16LE(at + 12),
      vlan: view.readUInt16LE(at + 14),
      timeNs: BigInt(view.readUInt32LE(at + 16)) * 1_000_000_000n + BigInt(view.readUInt32LE(at + 20)),
      linkType: view.readUInt16LE(at + 24),
      bytes: Buffer.from(view.subarray(at + headerBytes, at + headerBytes + captured)),
    })
    at = (at + headerBytes + captured + 7) & ~7
  }
  return seen
}

/** TCP ports of an Ethernet frame with an IPv4 header. */
const portsOf = ({ bytes }: Seen): readonly [number, number] => {
  const tcp = 14 + (bytes[14]! & 15) * 4
  return [bytes.readUInt16BE(tcp), bytes.readUInt16BE(tcp + 2)]
}

const payloadOf = ({ bytes }: Seen): string => {
  const tcp = 14 + (bytes[14]! & 15) * 4
  return bytes.subarray(tcp + (bytes[tcp + 12]! >> 4) * 4, 14 + bytes.readUInt16BE(16)).toString("latin1")
}

/** One connection to `port` with one message in each direction; Python, so that nothing of Node's is among the packets. */
const exchange = (port: number, times = 1, size = 100): void => {
  const script = `
import socket
listener = socket.create_server(("127.0.0.1", ${port}))
for i in range(${times}):
    client = socket.create_connection(("127.0.0.1", ${port})); server = listener.accept()[0]
    client.sendall((b"ask %d " % i).ljust(${size}, b".")); server.recv(${size}, socket.MSG_WAITALL)
    server.sendall((b"answer %d " % i).ljust(${size}, b".")); client.recv(${size}, socket.MSG_WAITALL)
    client.close(); server.close()
`
  execFileSync("/usr/bin/python3", ["-c", script], { stdio: ["ignore", "ignore", "inherit"] })
}

describeSystem("packet ring", ["/usr/bin/python3", ip], () => {
  let addon: Addon
  const everything = packetFilter({ rejectPorts: [] })

  beforeAll(() => {
    const loaded = loadAddon()
    if ("missing" in loaded) throw new Error(loaded.missing)
    addon = loaded
  })

  const open = (device: string, filter = everything, blocks = 256, blockSize = 131_072): PacketRing =>
    addon.openPackets(device, filter, blocks, blockSize, 10)

  /** All packets until `isComplete`; a block is handed over when it is full or 10 ms old. */
  const collect = async (
    ring: PacketRing,
    wanted: (packet: Seen) => boolean,
    isComplete: (packets: ReadonlyArray<Seen>) => boolean,
    bufferBytes = 1_048_576,
  ): Promise<ReadonlyArray<Seen>> => {
    const buffer = new Uint8Array(bufferBytes)
    const packets: Array<Seen> = []
    await until(
      "packets",
      () => {
        for (let length = 1; length > 0;) {
          length = addon.pollPackets(ring, buffer)
          packets.push(...decode(buffer, length).filter(wanted))
        }
        return packets.length
      },
      () => isComplete(packets),
      5,
    )
    return packets
  }

  const isOf =
    (port: number) =>
    (packet: Seen): boolean =>
      packet.bytes[12] === 8 && packet.bytes[13] === 0 && portsOf(packet).includes(port)
  const finsOf = (packets: ReadonlyArray<Seen>): number =>
    packets.filter(({ bytes }) => (bytes[14 + (bytes[14]! & 15) * 4 + 13]! & 1) === 1).length

  for (const device of ["lo", ""]) {
    it(`takes each packet of a local connection once: ${device === "" ? "all devices" : device}`, async () => {
      const port = await freePort()
      const ring = open(device)
      try {
        exchange(port, 3)
        const packets = await collect(ring, isOf(port), (found) => finsOf(found) >= 6)
        const texts = packets.map(payloadOf).filter((text) => text !== "")
        const expected = [0, 1, 2].flatMap((i) => [
          `ask ${i} `.padEnd(100, "."),
          `answer ${i} `.padEnd(100, "."),
        ])
        expect(texts).toEqual(expected)
        for (const { captured, linkType, original, packetType, vlan } of packets) {
          expect({ linkType, vlan, captured }).toEqual({ linkType: loopback, vlan: 0, captured: original })
          expect(packetType).not.toBe(outgoing)
        }
        const times = packets.map(({ timeNs }) => timeNs)
        expect(times).toEqual(times.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0)))
      } finally {
        addon.closePackets(ring)
      }
    })
  }

  it("leaves out the ports that its filter rejects", async () => {
    const [port, rejected] = [await freePort(), await freePort()]
    const ring = open("lo", packetFilter({ rejectPorts: [rejected] }))
    try {
      exchange(rejected, 2)
      exchange(port)
      const packets = await collect(
        ring,
        (packet) => isOf(port)(packet) || isOf(rejected)(packet),
        (found) => finsOf(found) >= 2,
      )
      expect(packets.filter(isOf(rejected))).toEqual([])
      expect(packets.length).toBeGreaterThanOrEqual(8)
    } finally {
      addon.closePackets(ring)
    }
  })

  it("cuts packets at the snap length and tells their true one", async () => {
    const port = await freePort()
    const ring = open("lo", packetFilter({ rejectPorts: [], snapBytes: 80 }))
    try {
      exchange(port, 1, 5_000)
      const packets = await collect(ring, isOf(port), (found) => finsOf(found) >= 2)
      expect(packets.every(({ captured, original }) => captured === Math.min(original, 80))).toBe(true)
      expect(Math.max(...packets.map(({ original }) => original))).toBeGreaterThan(5_000)
    } finally {
      addon.closePackets(ring)
    }
  })

  it("hands over the same through a buffer that holds one packet, and says when it holds none", async () => {
    const port = await freePort()
    const [large, small] = [open("lo"), open("lo")]
    try {
      exchange(port, 20, 300)
      const all = await collect(large, isOf(port), (found) => finsOf(found) >= 40)
      const poll = (room: number): string => {
        try {
          return String(addon.pollPackets(small, new Uint8Array(room)))
        } catch (cause) {
          return (cause as Error).message
        }
      }
      const problem = /^the next packet takes \d+ bytes, the buffer has 40$/
      await until(
        "a block is handed over",
        () => poll(40),
        (answer) => problem.test(answer),
        5,
      )
      expect(poll(0)).toMatch(/the buffer has 0$/)
      const fit = 65_536 + headerBytes + 8
      const again = await collect(small, isOf(port), (found) => finsOf(found) >= 40, fit)
      const brief = ({ bytes }: Seen): string => bytes.toString("hex")
      expect(again.map(brief)).toEqual(all.map(brief))
    } finally {
      addon.closePackets(large)
      addon.closePackets(small)
    }
  })

  it("counts what it took and what found no room", async () => {
    const port = await freePort()
    const [roomy, tight] = [open("lo"), open("lo", everything, 2, 65_536)]
    try {
      exchange(port, 200, 4_000)
      const own = await collect(roomy, isOf(port), (found) => finsOf(found) >= 400)
      const [packets, drops] = addon.packetStats(roomy)
      expect(drops).toBe(0)
      expect(packets).toBeGreaterThanOrEqual(own.length)
      // The kernel counts dropped packets among those taken.
      const [offered, lost] = addon.packetStats(tight)
      expect(lost).toBeGreaterThan(0)
      expect(addon.packetStats(tight)[1]).toBeGreaterThanOrEqual(lost)
      const kept = await collect(tight, isOf(port), (found) => found.length > 0)
      expect(kept.length).toBeLessThan(own.length)
      expect(offered - lost).toBeLessThan(packets)
    } finally {
      addon.closePackets(roomy)
      addon.closePackets(tight)
    }
  })

  it("closes, also twice, and opens again, several at a time", () => {
    const before = packetSocketsOf(process.pid)
    const rings = Array.from({ length: 5 }, () => open("lo", everything, 2, 65_536))
    expect(packetSocketsOf(process.pid)).toHaveLength(before.length + 5)
    for (const ring of rings) {
      addon.closePackets(ring)
      addon.closePackets(ring)
      expect(() => addon.pollPackets(ring, new Uint8Array(64))).toThrow("closed")
      expect(() => addon.packetStats(ring)).toThrow("closed")
    }
    expect(packetSocketsOf(process.pid)).toEqual(before)
    addon.closePackets(open("lo"))
  })

  it("refuses what makes no ring", () => {
    const code = (device: string, filter: Uint8Array, blocks: number, blockSize: number): string => {
      try {
        addon.closePackets(addon.openPackets(device, filter, blocks, blockSize, 10))
        return "opened"
      } catch (cause) {
        return (cause as { code: string }).code
      }
    }
    const before = packetSocketsOf(process.pid)
    expect(code("sonde-none", everything, 2, 65_536)).toBe("ENODEV")
    for (const [blocks, size] of [
      [0, 65_536],
      [-1, 65_536],
      [Number.NaN, 65_536],
      [2, 0],
      [2, Number.POSITIVE_INFINITY],
    ]) {
      expect(code("lo", everything, blocks!, size!)).toBe("ERANGE")
    }
    expect(code("lo", everything, 2, 65_537)).toBe("EINVAL")
    expect(code("lo", everything.subarray(0, 12), 2, 65_536)).toBe("ERANGE")
    expect(code("lo", new Uint8Array(0), 2, 65_536)).toBe("EINVAL")
    expect(code("lo", everything.subarray(0, 8), 2, 65_536)).toBe("EINVAL")
    expect(packetSocketsOf(process.pid)).toEqual(before)
  })

  describe("on a veth", () => {
    const space = `sonde${process.pid}`
    const near = `sa${process.pid}`
    const far = `sb${process.pid}`
    const run = (...args: Array<string>): string => execFileSync(ip, args, { encoding: "utf8" })

    beforeAll(() => {
      run("netns", "add", space)
      run("link", "add", near, "type", "veth", "peer", "name", far, "netns", space)
      run("addr", "add", "198.18.77.1/30", "dev", near)
      run("link", "set", near, "up")
      run("-n", space, "addr", "add", "198.18.77.2/30", "dev", far)
      run("-n", space, "link", "set", far, "up")
    })
    afterAll(() => {
      spawnSync(ip, ["link", "del", near])
      spawnSync(ip, ["netns", "del", space])
    })

    it("sees both directions and says which", async () => {
      const port = await freePort()
      const ring = open(near)
      try {
        const server = `
import socket
listener = socket.create_server(("198.18.77.1", ${port})); print("ready", flush=True)
end = listener.accept()[0]; end.recv(100); end.sendall(b"answer"); end.close()`
        const client = `
import socket
end = socket.create_connection(("198.18.77.1", ${port})); end.sendall(b"ask"); end.recv(100); end.close()`
        execFileSync(
          "/bin/sh",
          [
            "-c",
            'python3 -c "$1" | (read ready; ip netns exec "$3" python3 -c "$2"; cat)',
            "sh",
            server,
            client,
            space,
          ],
          { env: { ...process.env, PATH: `/usr/bin:/usr/sbin:/bin:/sbin` } },
        )
        const packets = await collect(ring, isOf(port), (found) => finsOf(found) >= 2)
        const asked = packets.find((packet) => payloadOf(packet) === "ask")
        const answered = packets.find((packet) => payloadOf(packet) === "answer")
        expect(asked).toMatchObject({ packetType: 0, linkType: 1, vlan: 0 })
        expect(answered).toMatchObject({ packetType: outgoing, linkType: 1, vlan: 0 })
      } finally {
        addon.closePackets(ring)
      }
    })

    it("tells the VLAN that the kernel took out of a packet, and finds TCP behind one that is still there", async () => {
      const port = await freePort()
      const ring = open(near, packetFilter({ rejectPorts: [port + 1] }))
      try {
        // A tag with priority 5 and id 77; the checksum of TCP is not looked at.
        const frame = `
import socket, struct, sys
def frame(port, tags):
    tcp = struct.pack("!HHIIBBHHH", 40000, port, 1, 0, 0x50, 2, 512, 0, 0)
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40, 0, 0, 64, 6, 0, bytes([198,18,77,2]), bytes([198,18,77,1]))
    return b"\\xff" * 6 + b"\\x02" * 6 + tags + struct.pack("!H", 0x0800) + ip + tcp
end = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); end.bind((sys.argv[1], 0))
tag = struct.pack("!HH", 0x8100, 5 << 13 | 77)
for tags in (tag, tag + tag):
    for port in (${port}, ${port} + 1): end.send(frame(port, tags))`
        run("netns", "exec", space, "/usr/bin/python3", "-c", frame, far)
        execFileSync("/usr/bin/python3", ["-c", frame, near])
        const isFrame = ({ bytes }: Seen): boolean => bytes.subarray(6, 12).equals(Buffer.alloc(6, 2))
        const packets = await collect(ring, isFrame, (found) => found.length >= 4)
        const brief = packets.map(({ bytes, packetType, vlan }) => ({
          isOutgoing: packetType === outgoing,
          vlan,
          tagsLeft: (bytes.indexOf("0800", 12, "hex") - 12) / 4,
          port: bytes.readUInt16BE(bytes.length - 18),
        }))
        expect(brief).toEqual([
          { isOutgoing: false, vlan: 77, tagsLeft: 0, port },
          { isOutgoing: false, vlan: 77, tagsLeft: 1, port },
          { isOutgoing: true, vlan: 0, tagsLeft: 1, port },
          { isOutgoing: true, vlan: 0, tagsLeft: 2, port },
        ])
      } finally {
        addon.closePackets(ring)
      }
    })
  })
})
