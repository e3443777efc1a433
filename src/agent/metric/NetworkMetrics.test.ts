import { describe, expect, it } from "vitest"
import { SignalSource } from "../../model/observation.ts"
import { endpoint } from "../flow/connections.testing.ts"
import { FlowAccount } from "../flow/FlowAccount.ts"
import { Meter } from "../flow/FlowMeter.ts"
import { NetworkMetrics } from "./NetworkMetrics.ts"

const base = 1_700_000_040

/** Sums by address of the client, interval and start, as they come out. */
const make = (maxGroups?: number) => {
  const rows: Array<{ client: string; time: number; interval: number; packets: number; load: number }> = []
  const metrics = new NetworkMetrics({
    ...(maxGroups === undefined ? {} : { maxGroups }),
    emit: ({ columns, rows: count }) => {
      for (let row = 0; row < count; row++) {
        rows.push({
          client: [...columns.ip_0.subarray(row * 16 + 12, row * 16 + 16)].join("."),
          time: columns.time[row]!,
          interval: columns.interval[row]!,
          packets: columns.packet_tx[row]!,
          load: columns.flow_load[row]!,
        })
      }
    },
  })
  return { metrics, rows }
}

const flow = (client: number, packets = 1): FlowAccount => {
  const account = new FlowAccount(6, SignalSource.packet, 255, 0)
  account.client = endpoint(client, 40_000)
  account.server = endpoint(200, 80)
  account.second[Meter.packetTx] = packets
  return account
}

describe("NetworkMetrics", () => {
  it("sums flows between the same ends in their second and in its minute", () => {
    const { metrics, rows } = make()
    const [one, two, other] = [flow(1, 3), flow(1, 4), flow(2, 5)]
    for (const account of [one, two, other]) metrics.add(account, base, base)
    metrics.leave(two)
    metrics.add(one, base + 1, base + 1)
    metrics.flush(base + 3)
    expect(rows).toEqual([
      { client: "10.0.0.1", time: base, interval: 1, packets: 7, load: 1 },
      { client: "10.0.0.2", time: base, interval: 1, packets: 5, load: 1 },
    ])
    metrics.flush(base + 100)
    const minutes = rows.filter(({ interval }) => interval === 60)
    expect(minutes.map(({ client, packets }) => [client, packets])).toEqual([
      ["10.0.0.1", 10],
      ["10.0.0.2", 5],
    ])
  })

  it("puts what there is no room for into one group without addresses, and counts it", () => {
    const { metrics, rows } = make(3)
    for (let client = 1; client <= 10; client++) metrics.add(flow(client), base, base)
    metrics.flushAll()
    const seconds = rows.filter(({ interval }) => interval === 1)
    expect(seconds.map(({ client, packets }) => [client, packets])).toEqual([
      ["10.0.0.1", 1],
      ["10.0.0.2", 1],
      ["10.0.0.3", 1],
      ["0.0.0.0", 7],
    ])
    expect(metrics.counters.overflows).toBe(7)
    expect(metrics.size).toBe(3)
  })

  it("forgets groups without flows, and makes them anew when they are needed", () => {
    const { metrics, rows } = make()
    const [open, over] = [flow(1), flow(2)]
    metrics.add(open, base, base)
    metrics.add(over, base, base)
    metrics.leave(over)
    metrics.flush(base + 400)
    expect(metrics.size).toBe(1)
    metrics.add(flow(2), base + 401, base + 401)
    metrics.flushAll()
    expect(metrics.size).toBe(2)
    expect(rows.filter(({ interval }) => interval === 1)).toHaveLength(3)
  })

  it("has groups that were used a minute ago make room for others, and loses nothing of either", () => {
    const { metrics, rows } = make(2)
    const [open, over] = [flow(1), flow(2)]
    metrics.add(open, base, base)
    metrics.add(over, base, base)
    metrics.leave(over)
    metrics.flush(base + 20)
    metrics.add(flow(3), base + 20, base + 20)
    expect(metrics.counters.overflows).toBe(1)
    metrics.flush(base + 70)
    metrics.add(flow(4), base + 70, base + 70)
    metrics.flushAll()
    expect(metrics.counters.overflows).toBe(1)
    const ofLength = (length: number) => rows.filter(({ interval }) => interval === length).length
    expect([ofLength(1), ofLength(60)]).toEqual([4, 4])
  })
})
