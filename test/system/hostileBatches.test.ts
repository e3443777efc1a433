// What can be sent to the ingester's port that no agent of ours sends, against a whole server: torn and hostile frames, unknown
// versions and kinds, rows that cannot be. Each is refused or changed, told and counted; what came with it is stored.

import { connect } from "node:net"
import { afterAll, beforeAll, expect, it } from "vitest"
import { makeBatch, type AnyBatch } from "../../src/model/ColumnBatch.ts"
import { ColumnEncoder } from "../../src/wire/ColumnEncoder.ts"
import { encodeFrame, FrameReader, FrameType } from "../../src/wire/frame.ts"
import { type Batch, decodeAck, decodeNack, encodeBatch, encodeHello } from "../../src/wire/messages.ts"
import { sampleBatch } from "../../src/wire/sampleBatch.ts"
import { Sonde, until } from "./support/Sonde.ts"
import { describeSystem } from "./support/system.ts"

type Answer =
  | { readonly what: "ack"; readonly seq: number }
  | {
      readonly what: "nack"
      readonly seq: number | undefined
      readonly reason: string
      readonly retriable: boolean
    }
  | { readonly what: "closed" }

const instance = "life-1"
const hello = (agent: string) =>
  encodeHello({ agent, instance, host: "h", version: "0", token: "", capabilities: [] })

const readAnswer = (type: FrameType, payload: Buffer): Answer | undefined => {
  if (type === FrameType.ack) return { what: "ack", seq: decodeAck(payload)!.seq }
  if (type !== FrameType.nack) return undefined
  const { batch, reason, retriable } = decodeNack(payload)!
  return { what: "nack", seq: batch?.seq, reason, retriable }
}

/** Sends everything over one connection; so many answers, or those until the server closes it. */
const talk = (
  port: number,
  pieces: ReadonlyArray<Uint8Array>,
  wanted: number,
): Promise<ReadonlyArray<Answer>> =>
  new Promise((resolve) => {
    const answers: Array<Answer> = []
    const socket = connect(port, "127.0.0.1")
    const reader = new FrameReader()
    const end = (): void => {
      socket.destroy()
      resolve(answers)
    }
    socket.on("error", () => {})
    socket.on("close", () => {
      if (answers.length < wanted) answers.push({ what: "closed" })
      end()
    })
    socket.on("data", (chunk: Buffer) => {
      reader.push(chunk)
      for (let header = reader.header(); typeof header === "object"; header = reader.header()) {
        const payload = reader.payload()
        if (payload === undefined || typeof payload === "string") return
        const answer = readAnswer(header.type, payload)
        if (answer !== undefined) answers.push(answer)
        if (answers.length === wanted) return end()
      }
    })
    for (const piece of pieces) socket.write(piece)
  })

const agent = "hostile"
let seq = 0
let tries = 0

const batchOf = (batch: AnyBatch, over: Partial<Batch> = {}): Buffer => {
  const [{ body, rows }] = new ColumnEncoder().encode(batch)
  return encodeBatch({
    agent,
    instance,
    seq: ++seq,
    kind: batch.kind,
    rows,
    codec: "none",
    bytes: body.length,
    body,
    ...over,
  })
}

/** Requests of now, told apart by their connection. */
const requests = (rows: number, flowId: number) => {
  const batch = sampleBatch(rows)
  batch.columns.start_time.fill(Date.now() * 1_000)
  batch.columns.end_time.fill(Date.now() * 1_000)
  batch.columns.flow_id.fill(flowId)
  return batch
}

const ack = (of: number): Answer => ({ what: "ack", seq: of })

describeSystem("hostile batches", [], () => {
  let server: Sonde
  let port: number

  beforeAll(async () => {
    server = new Sonde({ command: "server" })
    port = Number((await server.ready).ingest.split(":").at(-1))
  })
  afterAll(() => server.stop())

  const stored = async (flowId: number): Promise<number> =>
    Number(
      (
        await server.sql(`SELECT toUInt32(count()) AS n FROM flow_log.l7_flow_log WHERE flow_id = ${flowId}`)
      )[0]!["n"],
    )

  const refusal = (reason: string, of?: number): Answer => ({
    what: "nack",
    seq: of,
    reason,
    retriable: false,
  })

  const changedPing = (at: number, value: number): Buffer => {
    const frame = Buffer.from(encodeFrame(FrameType.ping))
    frame[at] = value
    return frame
  }

  for (const [what, reason, frame] of [
    ["of another version", "version", changedPing(4, 99)],
    ["of an unknown type", "type", changedPing(5, 99)],
    ["with a wrong checksum", "checksum", changedPing(12, 0)],
    ["of another protocol", "magic", Buffer.from("GET / HTTP/1.1\r\nhost: x\r\n\r\n")],
    ["that promises four gigabytes", "length", changedPing(11, 0xff)],
  ] as const) {
    it(`a frame ${what} ends its connection, with the reason, and no other`, async () => {
      const before = await server.metric(`sonde_ingester_rejected_${reason}_total`)
      expect(await talk(port, [hello(agent), frame], 1)).toEqual([refusal(reason)])
      expect(await server.metric(`sonde_ingester_rejected_${reason}_total`)).toBe(before + 1)
      const good = batchOf(requests(3, 100))
      expect(await talk(port, [hello(agent), good], 1)).toEqual([ack(seq)])
    })
  }

  it("a torn frame stores nothing, and the whole one stores everything once", async () => {
    const whole = batchOf(requests(5, 200))
    const torn = connect(port, "127.0.0.1")
    torn.on("error", () => {}).resume()
    torn.write(Buffer.concat([hello(agent), whole.subarray(0, whole.length - 1)]))
    torn.end()
    await new Promise((resolve) => torn.once("close", resolve))
    expect(await stored(200)).toBe(0)
    expect(await talk(port, [hello(agent), whole, whole], 2)).toEqual([ack(seq), ack(seq)])
    expect(await stored(200)).toBe(5)
  })

  it("a batch of an unknown kind is refused for good, and the ones around it are stored", async () => {
    const pieces = [
      hello(agent),
      batchOf(requests(2, 300)),
      batchOf(requests(2, 301), { kind: "traces_of_tomorrow" }),
      batchOf(requests(2, 302)),
    ]
    const answers = await talk(port, pieces, 3)
    expect(answers).toHaveLength(3)
    expect(answers).toEqual(expect.arrayContaining([ack(seq - 2), refusal("kind", seq - 1), ack(seq)]))
    expect([await stored(300), await stored(301), await stored(302)]).toEqual([2, 0, 2])
  })

  it("rows that cannot be are changed and counted; their neighbours stay as they are", async () => {
    const counters = [
      "clipped_times_total",
      "clipped_texts_total",
      "clipped_attributes_total",
      "clipped_intervals_total",
      "mended_texts_total",
    ]
    const read = () => Promise.all(counters.map((name) => server.metric(`sonde_ingester_${name}`)))
    const before = await read()
    // Another try finds no rows of this one.
    const flow = 400 + tries++
    const batch = requests(6, flow)
    const { columns } = batch
    columns.start_time[0] = 0
    columns.start_time[1] = 2 ** 52
    columns.request_resource[2] = "x".repeat(1_048_576)
    columns.attribute_names[3] = Array.from({ length: 10_000 }, (_, i) => `name-${i}`)
    columns.attribute_values[3] = ["only one"]
    columns.endpoint[4] = "~~bad~~"
    columns.request_resource[5] = "/neighbour\u0000\u001b[2J"
    // What no encoder of ours writes: bytes that are no UTF-8.
    const body = Buffer.from(new ColumnEncoder().encode(batch)[0].body)
    const at = body.indexOf("~~bad~~")
    body.fill(0xff, at, at + 2)
    expect(await talk(port, [hello(agent), batchOf(batch, { body })], 1)).toEqual([ack(seq)])
    const metrics = makeBatch("application", 1)
    metrics.rows = 1
    metrics.columns.time[0] = Math.floor(Date.now() / 1_000)
    metrics.columns.interval[0] = 7
    metrics.columns.request[0] = 1
    metrics.columns.endpoint[0] = `/odd-interval-${flow}`
    expect(await talk(port, [hello(agent), batchOf(metrics)], 1)).toEqual([ack(seq)])
    const after = await read()
    expect(after.map((count, i) => count - before[i]!)).toEqual([2, 1, 1, 1, 1])
    const rows = await server.sql(
      `SELECT toUInt32(length(request_resource)) AS length, request_resource, endpoint, length(attribute_names) AS attributes,
         abs(toInt64(toUnixTimestamp(time)) - toUnixTimestamp(now())) < 120 AS is_now
       FROM flow_log.l7_flow_log WHERE flow_id = ${flow} ORDER BY length`,
    )
    expect(rows).toHaveLength(6)
    expect(rows.map((row) => Number(row["is_now"]))).toEqual([1, 1, 1, 1, 1, 1])
    expect(rows.at(-1)).toMatchObject({ length: 16_384 })
    expect(rows.some((row) => row["endpoint"] === "\ufffd\ufffdbad~~")).toBe(true)
    expect(rows.some((row) => row["request_resource"] === "/neighbour\u0000\u001b[2J")).toBe(true)
    const minutes = await server.sql(
      `SELECT toUInt32(sum(request)) AS n FROM flow_metrics.\`application.1m\` WHERE endpoint = '/odd-interval-${flow}'`,
    )
    expect(minutes).toEqual([{ n: 1 }])
    await until(
      "the change of rows is told",
      () => server.messages(),
      (lines) => lines.some((line) => line.includes("rows were changed")),
    )
  })

  it("names of attributes are offered", async () => {
    const batch = requests(2, 500)
    batch.columns.attribute_names[0] = ["tenant"]
    batch.columns.attribute_values[0] = ["acme"]
    expect(await talk(port, [hello(agent), batchOf(batch)], 1)).toEqual([ack(seq)])
    await server.sqlUntil(
      `SELECT field_value FROM flow_tag.flow_log_custom_field_value WHERE field_name = 'attribute.tenant'`,
      (rows) => rows.length === 1 && rows[0]!["field_value"] === "acme",
      25,
    )
  })

  it("none of that failed the server", async () => {
    expect(server.child.exitCode).toBeNull()
    expect(server.log).not.toMatch(/unexpectedly|Error:/)
    const { parts } = await server.get<{ parts: ReadonlyArray<{ name: string; state: string }> }>("/healthz")
    expect(parts.find(({ name }) => name === "server")).toMatchObject({ state: "running" })
  })
})

describeSystem("more requests than are wanted", [], () => {
  it("are left out when that is configured, by count and in the health tree, and acknowledged", async () => {
    const server = new Sonde({ command: "server", set: ["ingest.sampleAboveRowsPerSecond=100"] })
    try {
      const port = Number((await server.ready).ingest.split(":").at(-1))
      const from = seq + 1
      const pieces = Array.from({ length: 10 }, () => batchOf(requests(200, 600)))
      const answers = await talk(port, [hello(agent), ...pieces], 10)
      expect(new Set(answers)).toEqual(new Set(pieces.map((_, i) => ack(from + i))))
      const [row] = await server.sql("SELECT toUInt32(count()) AS n FROM flow_log.l7_flow_log")
      expect(row!["n"]).toBeGreaterThan(0)
      const leftOut = await server.metric("sonde_ingester_sampled_out_rows_total")
      expect(leftOut + Number(row!["n"])).toBe(2_000)
      await until(
        "the health tree says so",
        () => server.get<unknown>("/healthz"),
        (health) => JSON.stringify(health).includes("ingest.sampleAboveRowsPerSecond"),
      )
    } finally {
      await server.stop()
    }
  })
})
