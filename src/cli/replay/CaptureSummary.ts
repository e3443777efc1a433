// What a capture comes down to: rate, errors and durations of each service, its protocols, its flows and how they ended, and the
// slowest requests. Bounded whatever the capture's size: services beyond a number count as one.

import { closeStatus, CloseStatus, closeTypeName } from "../../model/closeType.ts"
import { ResponseStatus } from "../../model/L7Session.ts"
import { l7ProtocolName } from "../../model/protocol.ts"
import { type Connection } from "../../agent/flow/Connection.ts"
import { serverName } from "../../agent/flow/Endpoint.ts"
import { Meter } from "../../agent/flow/FlowMeter.ts"
import { responseDurationUs, statusOf } from "../../agent/flow/L7Rows.ts"
import type { Session } from "../../agent/flow/Session.ts"
import { sessionRecord } from "../../agent/flow/sessionRecord.ts"
import type { PacketFlow } from "../../agent/flow/tcp/PacketFlow.ts"
import { DurationCounts } from "./DurationCounts.ts"

const maxServices = 4_096
const slowestKept = 10
const otherName = "other"

interface Red {
  readonly service: string
  readonly protocol: string
  requests: number
  errors: number
  timeouts: number
  readonly durations: DurationCounts
}

const makeRed = (service: string, protocol: string): Red => ({
  service,
  protocol,
  requests: 0,
  errors: 0,
  timeouts: 0,
  durations: new DurationCounts(),
})

const addTo = (red: Red, session: Session): void => {
  if (session.request !== null) red.requests++
  const status = statusOf(session)
  if (status === ResponseStatus.clientError || status === ResponseStatus.serverError) red.errors++
  else if (status === ResponseStatus.timeout) red.timeouts++
  if (session.request !== null && session.response !== null) red.durations.add(responseDurationUs(session))
}

export class CaptureSummary {
  readonly #services = new Map<string, Red>()
  readonly #protocols = new Map<string, Red>()
  /** Longest first. */
  readonly #slowest: Array<{ readonly us: number; readonly record: Readonly<Record<string, unknown>> }> = []
  readonly #ends = new Map<string, number>()
  readonly #flows = { flows: 0, failed: 0, packets: 0, bytes: 0, retransmissions: 0 }
  #firstUs = Number.POSITIVE_INFINITY
  #lastUs = 0

  packet(timeUs: number, bytes: number): void {
    if (timeUs < this.#firstUs) this.#firstUs = timeUs
    if (timeUs > this.#lastUs) this.#lastUs = timeUs
    this.#flows.packets++
    this.#flows.bytes += bytes
  }

  session(session: Session, connection: Connection): void {
    const protocol = l7ProtocolName((session.request ?? session.response)?.protocol ?? 0)
    addTo(this.#red(this.#services, serverName(connection.serverEnd), protocol), session)
    addTo(this.#red(this.#protocols, "", protocol), session)
    if (session.request === null || session.response === null) return
    const us = responseDurationUs(session)
    if (this.#slowest.length === slowestKept && us <= this.#slowest.at(-1)!.us) return
    const at = this.#slowest.findIndex((one) => us > one.us)
    this.#slowest.splice(at < 0 ? this.#slowest.length : at, 0, {
      us,
      record: sessionRecord(session, connection),
    })
    this.#slowest.length = Math.min(this.#slowest.length, slowestKept)
  }

  flow(flow: PacketFlow): void {
    const flows = this.#flows
    const { second } = flow.account
    flows.flows++
    flows.retransmissions += second[Meter.retransTx]! + second[Meter.retransRx]!
    const status = closeStatus(flow.closeType, flow.protocol)
    if (status !== CloseStatus.ok && status !== CloseStatus.unknown) flows.failed++
    const name = closeTypeName(flow.closeType)
    this.#ends.set(name, (this.#ends.get(name) ?? 0) + 1)
  }

  #red(all: Map<string, Red>, service: string, protocol: string): Red {
    const key = `${protocol} ${service}`
    const known = all.get(key)
    if (known !== undefined) return known
    if (all.size >= maxServices && service !== otherName) return this.#red(all, otherName, protocol)
    const red = makeRed(service, protocol)
    all.set(key, red)
    return red
  }

  /** For machines, and for the tables that people get. */
  result() {
    const seconds = Math.max(0, this.#lastUs - this.#firstUs) / 1e6
    const rows = (all: Map<string, Red>) =>
      [...all.values()]
        .sort((a, b) => b.requests - a.requests || (a.service < b.service ? -1 : 1))
        .map(({ durations, errors, protocol, requests, service, timeouts }) => ({
          ...(service === "" ? {} : { service }),
          protocol,
          requests,
          rate: seconds > 0 ? requests / seconds : null,
          errors,
          timeouts,
          p50_us: durations.quantile(0.5),
          p95_us: durations.quantile(0.95),
          max_us: durations.maxUs,
        }))
    return {
      seconds,
      ...this.#flows,
      close_types: Object.fromEntries([...this.#ends].sort(([, a], [, b]) => b - a)),
      services: rows(this.#services),
      protocols: rows(this.#protocols),
      slowest: this.#slowest.map(({ record }) => record),
    }
  }
}
