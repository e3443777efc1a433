// Sequence numbers and lengths where they are hard to get right: what user space takes for exact must be.

import { expect, it } from "vitest"
import { packetFilter } from "../../src/agent/capture/cbpf.ts"
import { loadAddon } from "../../src/agent/capture/native/Addon.ts"
import { describeSystem } from "../system/support/system.ts"
import type { DataEvent } from "./support/events.ts"
import { needed, ownData, trace } from "./support/tracing.ts"

const request = "GET /first HTTP/1.1\r\nHost: a\r\n\r\n"

/** Client and server have said hello; numbers of the tests below are relative to what follows. */
const acquainted = `
client, server = pair(); client.send(request); server.recv(4096); server.send(answer); client.recv(4096)
`

/** Events after the first four, with numbers relative to the end of the first message of the same sender. */
const after = (script: string) => {
  const events = ownData(trace({ script: acquainted + script }))
  const [asked, , answered] = events
  const startOf = { client: asked!.tcpSeq + asked!.length, server: answered!.tcpSeq + answered!.length }
  return events.slice(4).map(({ captured, direction, length, payload, role, tcpSeq }) => {
    const sender = (role === "client") === (direction === "sent") ? ("client" as const) : ("server" as const)
    const seq = tcpSeq === 0 ? "unknown" : (tcpSeq - startOf[sender]) | 0
    return { direction, role, length, captured, payload, seq }
  })
}

const addon = loadAddon()

/** Sequence numbers of the payloads that went over loopback meanwhile, by sender's port and payload. */
const onTheWire = (act: () => void): ReadonlyMap<string, number> => {
  if ("missing" in addon) throw new Error(addon.missing)
  const ring = addon.openPackets("lo", packetFilter({ rejectPorts: [] }), 64, 65_536, 10)
  try {
    act()
    const found = new Map<string, number>()
    const buffer = Buffer.alloc(4_194_304)
    for (let length = 1; length > 0;) {
      length = addon.pollPackets(ring, buffer)
      // native/packet_ring.c: a header of 32 bytes, the frame; here Ethernet, IPv4, TCP.
      for (let at = 0; at < length;) {
        const captured = buffer.readUInt32LE(at)
        const ip = at + 32 + 14
        const tcp = ip + (buffer[ip]! & 15) * 4
        const payload = tcp + (buffer[tcp + 12]! >> 4) * 4
        const end = ip + buffer.readUInt16BE(ip + 2)
        if (buffer[ip]! >> 4 === 4 && buffer[ip + 9] === 6 && payload < end)
          found.set(
            `${buffer.readUInt16BE(tcp)} ${buffer.toString("latin1", payload, end)}`,
            buffer.readUInt32BE(tcp + 4),
          )
        at = (at + 32 + captured + 7) & ~7
      }
    }
    return found
  } finally {
    addon.closePackets(ring)
  }
}

describeSystem("sequence numbers", needed, () => {
  it("are those of the packets that carry the bytes, at both ends", () => {
    let events: ReadonlyArray<DataEvent> = []
    const packets = onTheWire(() => {
      events = ownData(
        trace({
          script: `
client, server = pair()
for i in range(4):
    client.send(b"GET /wire%d HTTP/1.1\\r\\n\\r\\n" % i); server.recv(4096)
    server.send(answer); client.recv(4096)
    server.send(b"HTTP/1.1 204 Wire%d\\r\\n\\r\\n" % i); client.recv(4096)
done()`,
        }),
      )
    })
    expect(events.length).toBe(24)
    for (const { direction, localPort, payload, remotePort, tcpSeq } of events.filter(({ payload }) =>
      payload.toLowerCase().includes("wire"),
    )) {
      expect(tcpSeq).not.toBe(0)
      expect(packets.get(`${direction === "sent" ? localPort : remotePort} ${payload}`)).toBe(tcpSeq)
    }
  })

  it("does not count the FIN that a read takes along", () => {
    const events = after(`
client.send(b"the last words"); client.shutdown(socket.SHUT_WR); time.sleep(0.05)
server.recv(4096)
server.send(b"farewell"); server.close(); time.sleep(0.05)
client.recv(3); client.recv(4096)
done()`)
    expect(events.map(({ direction, payload, seq }) => [direction, payload, seq])).toEqual([
      ["sent", "the last words", 0],
      ["received", "the last words", 0],
      ["sent", "farewell", 0],
      ["received", "far", 0],
      ["received", "ewell", 3],
    ])
  })

  it("does not count a FIN where the reader closed its own half first", () => {
    const events = after(`
client.shutdown(socket.SHUT_WR); time.sleep(0.02); server.send(b"one"); time.sleep(0.02)
client.recv(4096); server.send(b"two"); server.close(); time.sleep(0.05); client.recv(4096)
done()`)
    expect(events.map(({ direction, payload, seq }) => [direction, payload, seq])).toEqual([
      ["sent", "one", 0],
      ["received", "one", 0],
      ["sent", "two", 3],
      ["received", "two", 3],
    ])
  })

  it("reports bytes that sendfile sent as bytes it did not see", () => {
    const events = after(`
import tempfile
file = tempfile.TemporaryFile(); file.write(b"f" * 3000); file.flush()
server.send(b"HTTP/1.1 200 OK\\r\\n\\r\\n"); sent = os.sendfile(server.fileno(), file.fileno(), 0, 3000)
server.send(b"HTTP/1.1 404 no\\r\\n\\r\\n")
done(sent=sent)`)
    expect(events).toEqual([
      {
        ...{ direction: "sent", role: "server", length: 19, captured: 19 },
        ...{ payload: "HTTP/1.1 200 OK\r\n\r\n", seq: 0 },
      },
      { direction: "sent", role: "server", length: 3_000, captured: 0, payload: "", seq: 19 },
      {
        ...{ direction: "sent", role: "server", length: 19, captured: 19 },
        ...{ payload: "HTTP/1.1 404 no\r\n\r\n", seq: 3_019 },
      },
    ])
  })

  it("says nothing of sendfile over a connection that was not recognised", () => {
    const events = ownData(
      trace({
        script: `
import tempfile
file = tempfile.TemporaryFile(); file.write(b"f" * 3000); file.flush()
client, server = pair(); os.sendfile(server.fileno(), file.fileno(), 0, 3000)
os.sendfile(os.open("/dev/null", os.O_WRONLY), file.fileno(), 0, 3000)
done()`,
      }),
    )
    expect(events).toEqual([])
  })

  it("reports bytes that splice moved out of a socket and into one", () => {
    const events = after(
      `
inlet, outlet = os.pipe()[::-1]
client.send(b"s" * 500); time.sleep(0.02)
moved = os.splice(server.fileno(), inlet, 500)
back = os.splice(outlet, server.fileno(), 500)
server.send(b"next")
done(moved=moved, back=back)`
        .replaceAll("os.splice(", "splice(")
        .replace(
          "inlet,",
          `libc = ctypes.CDLL(None)
def splice(a, b, n): return libc.splice(a, None, b, None, ctypes.c_size_t(n), 0)
inlet,`,
        ),
    )
    expect(events).toEqual([
      { direction: "sent", role: "client", length: 500, captured: 500, payload: "s".repeat(500), seq: 0 },
      { direction: "received", role: "server", length: 500, captured: 0, payload: "", seq: 0 },
      { direction: "sent", role: "server", length: 500, captured: 0, payload: "", seq: 0 },
      { direction: "sent", role: "server", length: 4, captured: 4, payload: "next", seq: 500 },
    ])
  })

  it("takes nothing from a look ahead, and no payload from a buffer that was not written", () => {
    const events = after(`
client.send(request); time.sleep(0.02)
server.recv(4096, socket.MSG_PEEK); server.recvmsg(4096, 0, socket.MSG_PEEK)
buffer = bytearray(b"GET /never/sent HTTP/1.1\\r\\n" * 4)
server.recv_into(buffer, 10, socket.MSG_TRUNC)
server.recvmsg_into([buffer], 0, socket.MSG_TRUNC | socket.MSG_DONTWAIT)
client.send(b"then"); server.recv(4096)
done()`)
    expect(events.filter(({ direction }) => direction === "received")).toEqual([
      { direction: "received", role: "server", length: 10, captured: 0, payload: "", seq: 0 },
      {
        ...{ direction: "received", role: "server", length: request.length - 10, captured: 0 },
        ...{ payload: "", seq: 10 },
      },
      {
        ...{ direction: "received", role: "server", length: 4, captured: 4 },
        ...{ payload: "then", seq: request.length },
      },
    ])
  })

  it("counts an urgent byte between those that are read", () => {
    const events = after(`
client.send(b"abc"); client.send(b"!", socket.MSG_OOB); client.send(b"defg"); time.sleep(0.05)
first = server.recv(4096); urgent = server.recv(1, socket.MSG_OOB); rest = server.recv(4096)
client.send(b"hij"); server.recv(4096)
done(first=first.decode(), urgent=urgent.decode(), rest=rest.decode())`)
    expect(events.filter(({ direction }) => direction === "received")).toEqual([
      { direction: "received", role: "server", length: 3, captured: 3, payload: "abc", seq: 0 },
      { direction: "received", role: "server", length: 4, captured: 4, payload: "defg", seq: 4 },
      { direction: "received", role: "server", length: 3, captured: 3, payload: "hij", seq: 8 },
    ])
  })

  it("takes nothing from the error queue", () => {
    const events = after(`
server.setsockopt(socket.SOL_SOCKET, 60, 1) # SO_ZEROCOPY
server.send(b"z" * 40_000, 0x4000000); exactly(client, 40_000); time.sleep(0.05) # MSG_ZEROCOPY
server.setsockopt(socket.SOL_SOCKET, 37, 1 << 1 | 1 << 4 | 1 << 9) # SO_TIMESTAMPING, software, of what is sent
server.send(b"stamped"); client.recv(4096); time.sleep(0.05)
found = []
try:
    while True: found.append(len(server.recvmsg(4096, 1024, socket.MSG_ERRQUEUE)[0]))
except BlockingIOError: pass
client.send(b"after"); server.recv(4096)
done(found=found)`)
    expect(events.filter(({ role, direction }) => role === "server" && direction === "received")).toEqual([
      { direction: "received", role: "server", length: 5, captured: 5, payload: "after", seq: 0 },
    ])
  })

  it("is exact or silent when threads write to one socket at the same time", () => {
    const traced = trace({
      script: `
client, server = pair(); client.send(request); server.recv(4096)
threads, each = 4, 400
def write(t):
    for n in range(each): client.send((b"GET /%d/%d " % (t, n)).ljust(20 + 13 * t, b"."))
received = bytearray()
def read():
    total = sum(20 + 13 * t for t in range(threads)) * each
    while len(received) < total: received.extend(server.recv(65536))
sys.setswitchinterval(1e-6)
workers = [threading.Thread(target=read)] + [threading.Thread(target=write, args=(t,)) for t in range(threads)]
for worker in workers: worker.start()
for worker in workers: worker.join()
client.send(b"GET /end HTTP/1.1")
done(stream=received.decode())`,
    })
    const [asked, ...events] = ownData(traced).filter(({ direction }) => direction === "sent")
    const stream = traced.result["stream"] as string
    const origin = asked!.tcpSeq + asked!.length
    expect(events).toHaveLength(1_601)
    const wrong = events.filter(({ payload, tcpSeq }) => {
      const truth = payload.startsWith("GET /end") ? stream.length : stream.indexOf(payload)
      return tcpSeq !== 0 && ((tcpSeq - origin) | 0) !== truth
    })
    expect(wrong.map(({ payload, tcpSeq }) => [payload, (tcpSeq - origin) | 0])).toEqual([])
    // Not by never saying anything.
    expect(events.filter(({ tcpSeq }) => tcpSeq !== 0).length).toBeGreaterThan(100)
  })
})
