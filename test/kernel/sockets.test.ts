// What the kernel side says of TCP sockets, by each kind of hook: exact bytes, directions, roles, addresses, order.

import { describe, expect, it } from "vitest"
import { describeSystem } from "../system/support/system.ts"
import type { CloseEvent } from "./support/events.ts"
import { brief, hooks, needed, ownData, streams, trace } from "./support/tracing.ts"

const request = "GET /first HTTP/1.1\r\nHost: a\r\n\r\n"
const answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
const http1 = 20
const redis = 80

/** One request and its answer by each way to write and each to read. */
const everyCall = `
client, server = pair()
def ask(n): return b"GET /%d HTTP/1.1\\r\\n\\r\\n" % n
client.send(ask(1)); server.recv(4096)
server.send(answer); client.recv(4096)
os.write(client.fileno(), ask(2)); os.read(server.fileno(), 4096)
os.write(server.fileno(), answer); os.read(client.fileno(), 4096)
client.sendmsg([ask(3)[:7], b"", ask(3)[7:]]); server.recvmsg(4096)
server.sendmsg([answer[:9], answer[9:]]); client.recvmsg_into([bytearray(10), bytearray(4096)])
os.writev(client.fileno(), [ask(4)[:7], ask(4)[7:]]); os.readv(server.fileno(), [bytearray(3), bytearray(4096)])
os.writev(server.fileno(), [answer]); os.readv(client.fileno(), [bytearray(4096)])
ends = [client.fileno(), server.fileno(), client.getsockname()[1], server.getsockname()[1]]
client.close(); server.close(); time.sleep(0.05)
done(ends=ends)
`

describeSystem("socket events", needed, () => {
  for (const hook of hooks) {
    describe(hook, () => {
      it("tells each call's bytes, direction, role and ends, in order", () => {
        const traced = trace({ hook, script: everyCall })
        const events = ownData(traced)
        const [clientFd, serverFd, clientPort, serverPort] = traced.result["ends"] as Array<number>
        const expected = [1, 2, 3, 4].flatMap((n) => {
          const ask = `GET /${n} HTTP/1.1\r\n\r\n`
          return [
            { direction: "sent", role: "client", length: ask.length, payload: ask },
            { direction: "received", role: "server", length: ask.length, payload: ask },
            { direction: "sent", role: "server", length: answer.length, payload: answer },
            { direction: "received", role: "client", length: answer.length, payload: answer },
          ]
        })
        expect(events.map(brief)).toEqual(expected)
        for (const event of events) {
          const isClient = event.role === "client"
          expect(event).toMatchObject({
            ...{ tid: traced.pid, comm: "python3", protocol: http1, isIpv4: true },
            fd: isClient ? clientFd : serverFd,
            localPort: isClient ? clientPort : serverPort,
            remotePort: isClient ? serverPort : clientPort,
            localIp: "00000000000000000000ffff7f000001",
            remoteIp: "00000000000000000000ffff7f000001",
          })
        }
        const times = events.map(({ timeNs }) => timeNs)
        expect(times).toEqual(times.toSorted((a, b) => a - b))
        expect(new Set(events.map(({ socket }) => socket)).size).toBe(2)
        const closed = traced.events.filter((event): event is CloseEvent => event.kind === "close")
        for (const { socket } of events) expect(closed.map((event) => event.socket)).toContain(socket)
      })

      it("numbers bytes alike at both ends, without a gap", () => {
        const byStream = streams(ownData(trace({ hook, script: everyCall })))
        expect(byStream.size).toBe(4)
        const ranges = [...byStream.values()].map((events) => {
          for (const [at, { length, tcpSeq }] of events.entries()) {
            expect(tcpSeq).not.toBe(0)
            if (at + 1 < events.length) expect(events[at + 1]!.tcpSeq).toBe((tcpSeq + length) >>> 0)
          }
          return events[0]!.tcpSeq
        })
        expect(new Set(ranges).size).toBe(2)
      })

      it("delivers as much of a long call as is configured, and its length", () => {
        const traced = trace({
          hook,
          payloadBytes: 100,
          script: `
client, server = pair()
body = request + bytes(range(256)) * 20
client.sendall(body); exactly(server, len(body))
client.sendmsg([b"x" * 10] * 12); exactly(server, 120)
done()`,
        })
        const sent = ownData(traced).filter(({ direction }) => direction === "sent")
        expect(sent[0]).toMatchObject({ length: 32 + 5_120, captured: 100 })
        expect(sent[0]!.payload).toBe(
          request + String.fromCharCode(...Array.from({ length: 100 - request.length }, (_, i) => i)),
        )
        // Eight segments of a vector are looked at.
        expect(sent[1]).toMatchObject({ length: 120, captured: 80, payload: "x".repeat(80) })
        expect(traced.counters.delivered_bytes).toBeGreaterThanOrEqual(180)
      })

      it("tells IPv6 from IPv4 inside of it", () => {
        const events = ownData(
          trace({
            hook,
            script: `
client, server = pair(socket.AF_INET6); client.send(request); server.recv(4096)
client2, server2 = pair(socket.AF_INET6, "::ffff:127.0.0.1"); client2.send(request); server2.recv(4096)
done()`,
          }),
        )
        const loopback6 = "00000000000000000000000000000001"
        const mapped = "00000000000000000000ffff7f000001"
        expect(events.map(({ isIpv4, localIp, remoteIp }) => ({ isIpv4, localIp, remoteIp }))).toEqual([
          { isIpv4: false, localIp: loopback6, remoteIp: loopback6 },
          { isIpv4: false, localIp: loopback6, remoteIp: loopback6 },
          { isIpv4: true, localIp: mapped, remoteIp: mapped },
          { isIpv4: true, localIp: mapped, remoteIp: mapped },
        ])
      })

      it("recognises a connection older than itself at its next message, without a role", () => {
        const all = ownData(
          trace({
            hook,
            isLate: true,
            script: `
client, server = pair(); client.send(b"GET /before HTTP/1.1\\r\\n\\r\\n"); server.recv(4096)
wait()
server.send(b"middle of an older answer"); client.recv(4096)
client.send(request); server.recv(4096); server.send(answer); client.recv(4096)
done()`,
          }),
        )
        expect(all.slice(0, 2).map(({ payload, protocol }) => [protocol, payload])).toEqual([
          [0, "middle of an older answer"],
          [0, "middle of an older answer"],
        ])
        const events = all.slice(2)
        expect(events.every(({ protocol }) => protocol === http1)).toBe(true)
        expect(events.map(brief)).toEqual([
          { direction: "sent", role: "unknown", length: request.length, payload: request },
          { direction: "received", role: "unknown", length: request.length, payload: request },
          { direction: "sent", role: "unknown", length: answer.length, payload: answer },
          { direction: "received", role: "unknown", length: answer.length, payload: answer },
        ])
        expect(events[0]!.tcpSeq).toBe(events[1]!.tcpSeq)
        expect(events[2]!.tcpSeq).toBe(events[3]!.tcpSeq)
        expect(events.every(({ tcpSeq }) => tcpSeq !== 0)).toBe(true)
      })

      it("leaves an excluded process alone", () => {
        const script = "client, server = pair(); client.send(request); server.recv(4096); done()"
        const excluded = trace({ hook, excludeProcess: true, script })
        expect(ownData(excluded)).toEqual([])
        expect(excluded.counters.excluded).toBeGreaterThanOrEqual(2)
      })

      it("leaves an excluded port alone at both ends", () => {
        const traced = trace({
          hook,
          excludePort: true,
          isLate: true,
          script: `
client, server = pair(); other, there = pair()
print("ready"); print(server.getsockname()[1]); sys.stdin.readline()
client.send(request); server.recv(4096); server.send(answer); client.recv(4096)
other.send(request); there.recv(4096)
done()`,
        })
        expect(ownData(traced).map(({ payload }) => payload)).toEqual([request, request])
        expect(traced.counters.excluded).toBeGreaterThanOrEqual(4)
      })

      it("ignores calls that come by the 32-bit entry", () => {
        // getpid is number 20 there, writev here: it returns more than 0 with a socket in its first register.
        const traced = trace({
          hook,
          script: `
client, server = pair(); client.send(request); server.recv(4096)
code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
code.write(b"\\xb8\\x14\\x00\\x00\\x00\\xcd\\x80\\xc3") # mov eax, 20; int 0x80; ret
call = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_long, ctypes.c_void_p, ctypes.c_long)(ctypes.addressof(ctypes.c_char.from_buffer(code)))
returned = call(client.fileno(), None, 1)
client.send(request); server.recv(4096)
done(returned=returned)`,
        })
        expect(traced.result["returned"]).toBe(traced.pid)
        expect(ownData(traced).map(({ payload }) => payload)).toEqual([request, request, request, request])
      })
    })
  }

  it("recognises Redis by its commands", () => {
    const events = ownData(
      trace({
        script: `
client, server = pair(); client.send(b"*2\\r\\n$3\\r\\nGET\\r\\n$1\\r\\na\\r\\n"); server.recv(4096)
server.send(b"$1\\r\\nb\\r\\n"); client.recv(4096)
done()`,
      }),
    )
    expect(events.map(({ payload, protocol }) => [protocol, payload])).toEqual([
      [redis, "*2\r\n$3\r\nGET\r\n$1\r\na\r\n"],
      [redis, "*2\r\n$3\r\nGET\r\n$1\r\na\r\n"],
      [redis, "$1\r\nb\r\n"],
      [redis, "$1\r\nb\r\n"],
    ])
  })
})
