// What bounds the kernel side, and what tells its cost: the share of events of one process, settings that change while programs run,
// and the kernel's own count of runs.

import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { connect, createServer, type AddressInfo, type Socket } from "node:net"
import { once } from "node:events"
import { setTimeout as sleep } from "node:timers/promises"
import { afterAll, beforeAll, expect, it } from "vitest"
import { loadAddon } from "../../src/agent/capture/native/Addon.ts"
import { openSocketTracer, SocketTracer } from "../../src/agent/capture/native/SocketTracer.ts"
import { listPids } from "../../src/agent/process/procfs.ts"
import { describeSystem } from "../system/support/system.ts"
import { decodeEvents, type DataEvent, type KernelEvent } from "./support/events.ts"
import { hooks, needed, ownData, trace } from "./support/tracing.ts"

const perSecond = 2_000

describeSystem("the share of events of one process", needed, () => {
  for (const hook of hooks) {
    it(`lets no event of a quiet process go for the sake of a noisy one: ${hook}`, () => {
      const traced = trace({
        hook,
        eventsPerProcess: perSecond,
        script: `
begin, noisy = time.monotonic(), os.fork()
client, server = pair()
if noisy == 0:
    made = 0
    while time.monotonic() < begin + 1:
        client.send(request); server.recv(4096); made += 2
    os._exit(0)
for _ in range(100):
    client.send(request); server.recv(4096); time.sleep(0.01)
os.waitpid(noisy, 0)
done(noisy=noisy)`,
      })
      expect(ownData(traced)).toHaveLength(200)
      const { noisy } = traced.result as { readonly noisy: number }
      const flood = traced.events.filter(
        (event): event is DataEvent => event.kind === "data" && event.tgid === noisy,
      )
      expect(traced.counters.over_budget).toBeGreaterThan(1_000)
      // A second has seven whole windows and a half, of each of which the first events pass.
      expect(flood.length).toBeGreaterThan(perSecond / 2)
      expect(flood.length).toBeLessThan(perSecond * 1.3)
      // What passes are whole conversations: what is sent is received.
      const unpaired = flood.filter(({ direction }, at) => direction === flood[at + 1]?.direction)
      expect(unpaired.length).toBeLessThan(12)
    })
  }

  it("is not used up by processes that a processor cannot tell apart at once", () => {
    const traced = trace({
      eventsPerProcess: 100_000,
      script: `
import signal
os.sched_setaffinity(0, {0})
children = []
# Numbers that are equal in their last four bits.
while len(children) < 3:
    child = os.fork()
    if child == 0:
        client, server = pair()
        for _ in range(400):
            client.send(request); server.recv(4096); os.sched_yield()
        os._exit(0)
    if not children or child % 16 == children[0] % 16: children.append(child)
    else: os.kill(child, signal.SIGKILL); os.waitpid(child, 0)
for child in children: os.waitpid(child, 0)
done(children=children)`,
    })
    expect(traced.counters.over_budget).toBe(0)
    for (const child of traced.result["children"] as ReadonlyArray<number>)
      expect(traced.events.filter((event) => event.kind === "data" && event.tgid === child)).toHaveLength(800)
  })

  it("is asked of nobody when it is 0", () => {
    const traced = trace({
      eventsPerProcess: 0,
      script: `
client, server = pair()
for _ in range(3000):
    client.send(request); server.recv(4096)
done()`,
    })
    expect(traced.counters.over_budget).toBe(0)
    expect(ownData(traced)).toHaveLength(6_000)
  })
})

describeSystem("a tracer that runs", needed, () => {
  let tracer: SocketTracer
  let client: Socket
  let server: Socket
  const listener = createServer()
  const buffer = new Uint8Array(8 * 1_048_576)

  beforeAll(async () => {
    const addon = loadAddon()
    if ("missing" in addon) throw new Error(addon.missing)
    const opened = openSocketTracer(addon, { payloadBytes: 1_024, ringMiB: 64, files: { slowUs: 0 } })
    if (!(opened instanceof SocketTracer)) throw new Error(opened.refused[0]!.missing)
    tracer = opened
    // What other programs of the machine do takes no room in the ring.
    for (const pid of listPids()) if (pid !== process.pid) tracer.excludeProcess(pid)
    listener.listen(0, "127.0.0.1")
    await once(listener, "listening")
    const accepted = once(listener, "connection")
    client = connect((listener.address() as AddressInfo).port, "127.0.0.1")
    ;[server] = (await accepted) as [Socket]
  })

  const file = join(mkdtempSync(join(tmpdir(), "sonde-budget-")), "synced")

  afterAll(() => {
    rmSync(dirname(file), { recursive: true, force: true })
    client.destroy()
    server.destroy()
    listener.close()
    tracer.close()
  })

  /** Bytes of its payload that an event of this length has. */
  const captured = async (length: number): Promise<ReadonlyArray<number>> => {
    const text = "GET / HTTP/1.1\r\nHost: a\r\nX: "
    client.write(`${text}${"x".repeat(length - text.length - 4)}\r\n\r\n`)
    await once(server, "data")
    await sleep(50)
    const events: Array<KernelEvent> = []
    for (let length = tracer.poll(buffer); length > 0; length = tracer.poll(buffer))
      events.push(...decodeEvents(buffer, length))
    return events.flatMap((event) =>
      event.kind === "data" && event.tgid === process.pid && event.length === length ? [event.captured] : [],
    )
  }

  it("takes less and more of payloads as it is told", async () => {
    expect(await captured(900)).toEqual([900, 900])
    tracer.setPayloadBytes(256)
    expect(await captured(901)).toEqual([256, 256])
    tracer.setPayloadBytes(1_024)
    expect(await captured(902)).toEqual([902, 902])
  })

  it("takes another share of events for each process, and tells whom it refused", async () => {
    tracer.setEventsPerProcess(7)
    for (let i = 0; i < 20; i++) await captured(100)
    tracer.setEventsPerProcess(0)
    const refused = tracer.refusedEvents().get(process.pid) ?? 0
    expect(refused).toBeGreaterThan(0)
    expect(refused).toBeLessThanOrEqual(tracer.counters().over_budget)
    expect(await captured(903)).toEqual([903, 903])
  })

  it("follows calls on files only as long as it shall", () => {
    const waits = (): number => {
      const before = tracer.counters().file_waits
      spawnSync("/bin/dd", ["if=/dev/zero", `of=${file}`, "bs=64k", "count=20", "oflag=dsync"])
      return tracer.counters().file_waits - before
    }
    expect(waits()).toBeGreaterThanOrEqual(20)
    tracer.followFiles(false)
    expect(waits()).toBe(0)
    tracer.followFiles(true)
    expect(waits()).toBeGreaterThanOrEqual(20)
  })

  it("has the runs of its programs counted while it asks for it", async () => {
    const stop = tracer.startCounting()
    const before = new Map(tracer.programStats().map(([name, ...numbers]) => [name, numbers]))
    for (let i = 0; i < 20; i++) await captured(100)
    const after = new Map(tracer.programStats().map(([name, ...numbers]) => [name, numbers]))
    stop()
    stop()
    const [runsBefore, nsBefore] = before.get("sonde_exit_direct")!
    const [runs, ns] = after.get("sonde_exit_direct")!
    // A write and a read, and whatever else this machine does.
    expect(runs! - runsBefore!).toBeGreaterThan(40)
    const each = (ns! - nsBefore!) / (runs! - runsBefore!)
    expect(each).toBeGreaterThan(5)
    expect(each).toBeLessThan(100_000)
    expect(after.size).toBeGreaterThan(10)
    expect(after.get("sonde_tls_free")).toEqual([0, 0, 0])
  })
})
