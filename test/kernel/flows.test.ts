// Connections as TCP counts them: told while they go on and at their end, by each kind of hook, whether system calls are hooked or not.

import { describe, expect, it } from "vitest"
import { kernelScope } from "../../src/agent/capture/layout.gen.ts"
import { describeSystem } from "../system/support/system.ts"
import { hooks, needed, ownData, ownFlows, trace } from "./support/tracing.ts"

const loopback = "00000000000000000000ffff7f000001"
const [established, synSent, finWait2, closeWait, lastAck] = [1, 2, 5, 8, 9]
const [connectionReset, refused] = [104, 111]

/** Bytes that nobody recognises, 70 kB one way and 10 the other, over two connections of which one ends. */
const talk = `
def talk():
    client, server = pair()
    client.sendall(b"\\0" * 70000); exactly(server, 70000); server.sendall(b"\\1" * 10); exactly(client, 10)
    return client, server
kept = talk(); over = talk()
ports = [over[0].getsockname()[1], over[1].getsockname()[1]]
over[0].close(); time.sleep(0.02); over[1].close(); time.sleep(0.05)
done(ports=ports)`

describeSystem("connections as TCP counts them", needed, () => {
  for (const hook of hooks) {
    for (const isPayloadRead of [true, false]) {
      describe(`${hook}, ${isPayloadRead ? "full" : "metrics"}`, () => {
        it("tells bytes, segments, round trip and process of both ends, open and ended", () => {
          const traced = trace({ hook, isPayloadRead, script: talk })
          const { ended: all, open } = ownFlows(traced)
          // Those that were kept end with the script.
          const ended = all.slice(0, 2)
          const [clientPort, serverPort] = traced.result["ports"] as Array<number>
          const client = { role: "client", sent: 70_000, received: 10, isLate: false, localIp: loopback }
          const server = { role: "server", sent: 10, received: 70_000, isLate: false, remoteIp: loopback }
          expect(ended).toMatchObject([
            { ...client, left: finWait2, error: 0, localPort: clientPort, remotePort: serverPort },
            { ...server, left: lastAck, error: 0, localPort: serverPort, remotePort: clientPort },
          ])
          expect(open).toHaveLength(2)
          expect(open).toEqual(
            expect.arrayContaining([expect.objectContaining(client), expect.objectContaining(server)]),
          )
          for (const flow of [...ended, ...open]) {
            expect(flow.segmentsSent).toBeGreaterThan(2)
            expect(flow.segmentsReceived).toBeGreaterThan(2)
            expect(flow.srttUs).toBeGreaterThan(0)
            expect(flow.srttUs).toBeLessThan(1_000_000)
          }
          // Who listens stands for who accepts where nobody is seen using the connection.
          const owners = isPayloadRead ? ["seen", "seen"] : ["seen", "listens"]
          expect(ended.map(({ owner }) => owner)).toEqual(owners)
          if (!isPayloadRead) expect(ownData(traced)).toEqual([])
        })
      })
    }
  }

  it("tells connections that are refused, reset, or left with bytes unread, and by whom", () => {
    const traced = trace({
      script: `
reset = b"\\1\\0\\0\\0\\0\\0\\0\\0"
unused = socket.socket(); unused.bind(("127.0.0.1", 0)); port = unused.getsockname()[1]
try: socket.create_connection(("127.0.0.1", port))
except ConnectionRefusedError: pass
client, server = pair(); client.send(b"?"); exactly(server, 1)
client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset); client.close(); time.sleep(0.02); server.close()
client, server = pair(); client.send(b"never read"); time.sleep(0.02); server.close(); time.sleep(0.02); client.close()
client, server = pair(); client.shutdown(socket.SHUT_WR); time.sleep(0.02)
server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset); server.close(); time.sleep(0.05); client.close()
done()`,
    })
    const ends = ownFlows(traced).ended.map(({ error, left, role }) => [role, left, error])
    expect(ends).toEqual([
      ["client", synSent, refused],
      ["client", established, 0],
      ["server", established, connectionReset],
      ["server", established, 0],
      ["client", established, connectionReset],
      ["server", closeWait, 0],
      ["client", finWait2, connectionReset],
    ])
  })

  it("tells that the bytes of a connection end when it is closed with some unread", () => {
    const traced = trace({
      script: `
client, server = pair(); client.send(request); server.recv(5); time.sleep(0.02); server.close(); time.sleep(0.02)
done()`,
    })
    const received = ownData(traced).filter(({ direction }) => direction === "received")
    expect(received).toHaveLength(1)
    const closed = traced.events.flatMap((event) => (event.kind === "close" ? [event.socket] : []))
    expect(closed).toContain(received[0]!.socket)
  })

  it("counts what is sent again", () => {
    // A filter on the server's socket takes no segment, for a while.
    const traced = trace({
      script: `
import struct
client, server = pair()
refuse = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0))
server.setsockopt(socket.SOL_SOCKET, 26, struct.pack("HxxxxxxQ", 1, ctypes.addressof(refuse))) # SO_ATTACH_FILTER
client.send(b"l" * 1000); time.sleep(0.7)
server.setsockopt(socket.SOL_SOCKET, 27, 0) # SO_DETACH_FILTER
exactly(server, 1000); time.sleep(0.1)
done()`,
    })
    const client = ownFlows(traced).open.find(({ role }) => role === "client")!
    expect(client.retransmitted).toBeGreaterThanOrEqual(1)
    expect(client.sent).toBe(1_000)
    expect(ownFlows(traced).open.find(({ role }) => role === "server")).toMatchObject({
      received: 1_000,
      retransmitted: 0,
    })
  })

  it("knows connections and listeners older than itself, and whose they are", () => {
    const traced = trace({
      isLate: true,
      isPayloadRead: false,
      script: `
listener = socket.socket(); listener.bind(("127.0.0.1", 0)); listener.listen(8)
client = socket.create_connection(listener.getsockname()); server = listener.accept()[0]
wait()
client.sendall(b"x" * 5000); exactly(server, 5000); client.close(); time.sleep(0.02); server.close(); time.sleep(0.05)
done(port=listener.getsockname()[1])`,
    })
    const { port } = traced.result as { readonly port: number }
    const late = { isLate: true, role: "unknown", owner: "seen" }
    expect(ownFlows(traced).ended).toMatchObject([
      { ...late, remotePort: port, sent: 5_000, remoteListener: traced.pid, localListener: 0 },
      { ...late, localPort: port, received: 5_000, localListener: traced.pid, remoteListener: 0 },
    ])
  })

  it("counts connections of a process or a port whose bytes are not looked at", () => {
    const script = `
client, server = pair(); other, there = pair()
print("ready"); print(server.getsockname()[1]); sys.stdin.readline()
for ends in ((client, server), (other, there)): ends[0].send(request); exactly(ends[1], len(request))
done(port=server.getsockname()[1])`
    const byPort = trace({ isLate: true, excludePort: kernelScope.counted, script })
    expect(ownData(byPort)).toHaveLength(2)
    expect(ownFlows(byPort).open).toHaveLength(4)
    const byOthers = trace({
      isLate: true,
      excludePort: kernelScope.all as number,
      otherPorts: kernelScope.counted,
      script,
    })
    const { port } = byOthers.result as { readonly port: number }
    expect(ownData(byOthers)).toHaveLength(2)
    for (const { localPort, remotePort } of ownData(byOthers)) expect([localPort, remotePort]).toContain(port)
    expect(ownFlows(byOthers).open).toHaveLength(4)
    const byProcess = trace({ excludeProcess: kernelScope.counted, script: talk })
    expect(ownData(byProcess)).toEqual([])
    expect(ownFlows(byProcess).open).toHaveLength(2)
    const alone = trace({ excludeProcess: true, script: talk })
    expect(ownFlows(alone)).toEqual({ open: [], ended: [] })
  })
})
