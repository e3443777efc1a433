import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { describe, expect, it } from "vitest"
import type { SourceUpdate } from "../ResourceSource.ts"
import type { Machine } from "./MachineFeed.ts"
import { machineRecords, machinesSource } from "./machinesSource.ts"

const machine = (host: string, more: Partial<Machine> = {}): Machine => ({
  agentId: `agent of ${host}`,
  machineId: `id of ${host}`,
  host,
  addresses: [],
  kernel: "",
  os: "",
  isConnected: true,
  ...more,
})
const nowhere = { region: "", az: "" }
const address = (name: string, ip: string, mac = "") => ({ interface: name, ip, mac })

describe("machineRecords", () => {
  it("takes addresses that are the machine's own", () => {
    const [record] = machineRecords(
      [
        machine("a", {
          addresses: [
            address("lo", "127.0.0.1", "00:00:00:00:00:00"),
            address("eth0", "10.0.0.1", "02:00:00:00:00:0A"),
            address("eth0", "fe80::1%eth0", "02:00:00:00:00:0A"),
            address("eth0", "2001:DB8::1", "02:00:00:00:00:0A"),
            address("kube-ipvs0", "10.96.0.1"),
            address("eth1", "nonsense"),
          ],
        }),
      ],
      nowhere,
    )
    expect(record).toMatchObject({
      kind: "chost",
      uid: "id of a",
      name: "a",
      agents: ["agent of a"],
      joins: true,
    })
    expect(new Set(record!.ips)).toEqual(new Set(["10.0.0.1", "2001:db8::1"]))
    expect(new Set(record!.macs)).toEqual(new Set(["02:00:00:00:00:0a"]))
  })

  it("takes an address that several machines have for none of them", () => {
    const records = machineRecords(
      [
        machine("a", { addresses: [address("docker0", "172.17.0.1"), address("eth0", "10.0.0.1")] }),
        machine("b", { addresses: [address("docker0", "172.17.0.1"), address("eth0", "10.0.0.2")] }),
      ],
      nowhere,
    )
    expect(records.map(({ ips }) => ips)).toEqual([["10.0.0.1"], ["10.0.0.2"]])
  })

  it("makes one machine of several agents, and leaves out one without any name", () => {
    const records = machineRecords(
      [machine("a"), machine("a", { agentId: "second" }), machine("", { machineId: "" })],
      { region: "eu", az: "" },
    )
    expect(records.map(({ agents, parents }) => [agents, parents])).toEqual([
      [["agent of a", "second"], [{ kind: "region", by: "name", value: "eu" }]],
    ])
  })
})

describe("machinesSource", () => {
  it("tells of changes only, and forgets a machine long after its agents went", async () => {
    const told: Array<SourceUpdate> = []
    let machines: ReadonlyArray<Machine> = [machine("a"), machine("b"), machine("c", { isConnected: false })]
    const source = machinesSource({
      ...nowhere,
      feed: { list: Effect.sync(() => machines) },
      pollMs: 1_000,
      keepMs: 60_000,
    })
    const names = () =>
      told
        .splice(0)
        .map((update) =>
          update.type === "delta"
            ? [
                ...update.set.map(({ name }) => `+${name}`),
                ...update.remove.map(({ uid }) => `-${uid}`),
              ].join(" ")
            : update.type === "snapshot"
              ? `all: ${update.records.map(({ name }) => name).join(" ")}`
              : "",
        )
    await Effect.runPromise(
      Effect.gen(function* () {
        const fiber = yield* Effect.forkChild(
          source.run((update) => Effect.sync(() => void told.push(update))),
        )
        yield* TestClock.adjust("10 seconds")
        expect(names()).toEqual(["", "+a +b"])
        machines = [machine("a", { os: "new" }), machine("b", { isConnected: false })]
        yield* TestClock.adjust("10 seconds")
        expect(names()).toEqual(["+a"])
        machines = [machine("a", { os: "new" })]
        yield* TestClock.adjust("45 seconds")
        // From now on stored machines that were not heard of are gone, too.
        expect(names()).toEqual(["all: a b"])
        yield* TestClock.adjust("10 seconds")
        expect(names()).toEqual(["-id of b"])
        yield* Fiber.interrupt(fiber)
      }).pipe(Effect.provide(TestClock.layer())),
    )
  })
})
