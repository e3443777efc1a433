// What the kernel side says of datagrams, by each kind of hook: of DNS's ports each way to send and receive one, connected or not; of others
// what it sums and offers.

import { describe, expect, it } from "vitest"
import { describeSystem } from "../system/support/system.ts"
import { hooks, needed, ownData, trace } from "./support/tracing.ts"

const udp = 17
const dns = 120
const mapped = "00000000000000000000ffff7f0000"

/** A server on 127.0.0.77:53 of a network namespace of its own, since somebody may listen there already. */
const prelude = `
CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)
assert libc.unshare(CLONE_NEWNET) == 0
import fcntl, struct
control = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
fcntl.ioctl(control, 0x8914, struct.pack("16sh14x", b"lo", 1)) # SIOCSIFFLAGS, IFF_UP
def bound(address, family=socket.AF_INET):
    s = socket.socket(family, socket.SOCK_DGRAM); s.bind(address); return s
`

describeSystem("datagrams", needed, () => {
  for (const hook of hooks) {
    describe(hook, () => {
      it("are told with their peer, whichever call moves them", () => {
        const events = ownData(
          trace({
            hook,
            script: `${prelude}
server = bound(("127.0.0.77", 53))
client = bound(("127.0.0.1", 4000))
client.sendto(b"sendto", ("127.0.0.77", 53)); peer = server.recvfrom(100)[1]
server.sendmsg([b"send", b"msg"], [], 0, peer); client.recvmsg(100)
client.connect(("127.0.0.77", 53))
client.send(b"send"); server.recvmsg(100)
os.write(client.fileno(), b"write"); server.recvfrom_into(bytearray(100))
server.sendto(b"back", peer); os.read(client.fileno(), 100)
class iovec(ctypes.Structure): _fields_ = [("base", ctypes.c_char_p), ("length", ctypes.c_size_t)]
class msghdr(ctypes.Structure): _fields_ = [("name", ctypes.c_void_p), ("namelen", ctypes.c_uint), ("iov", ctypes.POINTER(iovec)), ("iovlen", ctypes.c_size_t), ("control", ctypes.c_void_p), ("controllen", ctypes.c_size_t), ("flags", ctypes.c_int)]
class mmsghdr(ctypes.Structure): _fields_ = [("header", msghdr), ("length", ctypes.c_uint)]
texts = [b"one", b"two", b"three", b"four", b"five"]
messages = (mmsghdr * 5)(*[mmsghdr(msghdr(None, 0, ctypes.pointer(iovec(text, len(text))), 1)) for text in texts])
sent = libc.sendmmsg(client.fileno(), messages, 5, 0)
done(sent=sent)`,
          }),
        )
        const ends = { client: [`${mapped}01`, 4_000], server: [`${mapped}4d`, 53] } as const
        const event = (end: "client" | "server", direction: string, payload: string): object => {
          const [local, remote] = end === "client" ? [ends.client, ends.server] : [ends.server, ends.client]
          const [[localIp, localPort], [remoteIp, remotePort]] = [local, remote]
          const more = { transport: udp, protocol: dns, length: payload.length, isIpv4: true, tcpSeq: 0 }
          return { direction, payload, localIp, localPort, remoteIp, remotePort, ...more }
        }
        expect(events).toMatchObject([
          event("client", "sent", "sendto"),
          event("server", "received", "sendto"),
          event("server", "sent", "sendmsg"),
          event("client", "received", "sendmsg"),
          event("client", "sent", "send"),
          event("server", "received", "send"),
          event("client", "sent", "write"),
          event("server", "received", "write"),
          event("server", "sent", "back"),
          event("client", "received", "back"),
          // Four messages of a call are looked at.
          ...["one", "two", "three", "four"].map((text) => event("client", "sent", text)),
        ])
      })
    })
  }

  it("looked at ahead are not told twice", () => {
    const events = ownData(
      trace({
        script: `${prelude}
names = bound(("127.0.0.77", 53)); client = bound(("127.0.0.1", 4000))
client.sendto(b"name", ("127.0.0.77", 53)); names.recvfrom(100, socket.MSG_PEEK); names.recvfrom(100)
done()`,
      }),
    )
    expect(events.map(({ direction, payload }) => [direction, payload])).toEqual([
      ["sent", "name"],
      ["received", "name"],
    ])
  })

  for (const hook of hooks) {
    it(`of other ports are summed, and the first of a socket offered, by ${hook}`, () => {
      const traced = trace({
        hook,
        script: `${prelude}
server = bound(("127.0.0.77", 54)); client = bound(("127.0.0.1", 4000))
for i in range(6):
    client.sendto(b"ask", ("127.0.0.77", 54)); peer = server.recvfrom(100)[1]
    server.sendmsg([b"ans", b"wer"], [], 0, peer); os.read(client.fileno(), 100)
client.connect(("127.0.0.77", 54)); client.send(b"connected"); server.recv(100)
client.sendto(b"", ("127.0.0.77", 54))
done()`,
      })
      const events = ownData(traced)
      // Four calls of each of both sockets, but for those that do not ask from whom a datagram came.
      expect(events.map(({ direction, localPort, payload }) => [localPort, direction, payload])).toEqual([
        ...[0, 1].flatMap(() => [
          [4_000, "sent", "ask"],
          [54, "received", "ask"],
          [54, "sent", "answer"],
        ]),
        [4_000, "sent", "ask"],
        [4_000, "sent", "ask"],
      ])
      for (const { protocol, socket, transport } of events)
        expect([protocol, transport, socket.endsWith("/0")]).toEqual([0, udp, false])
      expect(traced.counters).toMatchObject({ datagram_sums_full: 0, datagrams_unseen: 0 })
      expect(
        traced.datagramSums.toSorted((a, b) => a.localPort - b.localPort || a.remotePort - b.remotePort),
      ).toEqual([
        // The server did not ask who sent the last one.
        { localPort: 54, remotePort: 0, isAsked: true, sent: 0, sentBytes: 0, received: 1, receivedBytes: 9 },
        {
          localPort: 54,
          remotePort: 4_000,
          isAsked: true,
          sent: 6,
          sentBytes: 36,
          received: 6,
          receivedBytes: 18,
        },
        // Read without asking from whom they came, before the socket was connected.
        {
          localPort: 4_000,
          remotePort: 0,
          isAsked: true,
          sent: 0,
          sentBytes: 0,
          received: 6,
          receivedBytes: 36,
        },
        {
          localPort: 4_000,
          remotePort: 54,
          isAsked: false,
          sent: 7,
          sentBytes: 27,
          received: 0,
          receivedBytes: 0,
        },
      ])
    })
  }

  it("of one call beyond the fourth are counted as not seen", () => {
    const { counters, datagramSums } = trace({
      script: `${prelude}
server = bound(("127.0.0.77", 54)); client = bound(("127.0.0.1", 4000)); client.connect(("127.0.0.77", 54))
class iovec(ctypes.Structure): _fields_ = [("base", ctypes.c_char_p), ("length", ctypes.c_size_t)]
class msghdr(ctypes.Structure): _fields_ = [("name", ctypes.c_void_p), ("namelen", ctypes.c_uint), ("iov", ctypes.POINTER(iovec)), ("iovlen", ctypes.c_size_t), ("control", ctypes.c_void_p), ("controllen", ctypes.c_size_t), ("flags", ctypes.c_int)]
class mmsghdr(ctypes.Structure): _fields_ = [("header", msghdr), ("length", ctypes.c_uint)]
messages = (mmsghdr * 6)(*[mmsghdr(msghdr(None, 0, ctypes.pointer(iovec(b"abc", 3)), 1)) for i in range(6)])
done(sent=libc.sendmmsg(client.fileno(), messages, 6, 0))`,
    })
    expect(counters.datagrams_unseen).toBe(2)
    expect(datagramSums).toMatchObject([{ localPort: 4_000, remotePort: 54, sent: 4, sentBytes: 12 }])
  })

  it("are told of IPv6, and of IPv4 within it", () => {
    const events = ownData(
      trace({
        script: `${prelude}
names = bound(("::", 5353), socket.AF_INET6)
six = bound(("::1", 4000), socket.AF_INET6); four = bound(("127.0.0.1", 4001))
six.sendto(b"six", ("::1", 5353)); names.recvfrom(100)
four.sendto(b"four", ("127.0.0.1", 5353)); names.recvfrom(100)
done()`,
      }),
    )
    expect(
      events.map(({ isIpv4, payload, remoteIp, remotePort }) => [payload, isIpv4, remoteIp, remotePort]),
    ).toEqual([
      ["six", false, "00000000000000000000000000000001", 5_353],
      ["six", false, "00000000000000000000000000000001", 4_000],
      ["four", true, `${mapped}01`, 5_353],
      ["four", true, `${mapped}01`, 4_001],
    ])
  })
})
