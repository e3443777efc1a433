// Feeds one parser hostile inputs and says what it must never do: throw, take longer than 10 ms over one feed, keep memory,
// or make messages that no table could hold.

import { setImmediate as yieldTurn } from "node:timers/promises"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import type { L7Message } from "../../src/model/L7Session.ts"
import type { MessageSink, Protocol } from "../../src/agent/protocol/Protocol.ts"
import type { Run } from "../../src/agent/protocol/transcript.testing.ts"
import { Mutator } from "./Mutator.ts"
import type { Conversation } from "./seeds.ts"

export interface Fault {
  readonly what: string
  /** A Mutator of this seed makes the input again. */
  readonly seed: number
  readonly input: ReadonlyArray<Run>
}

export interface Outcome {
  readonly inputs: number
  readonly messages: number
  readonly faults: ReadonlyArray<Fault>
  /** Milliseconds of the feed that took longest, machine and all: another try would have told whether it was the parser. */
  readonly longestMs: number
  /** Bytes that the heap grew by between the first tenth of the inputs and the end. */
  readonly heapGrowth: number
  /** Bytes that one connection held after it was fed with a tenth of all inputs. */
  readonly connectionBytes: number
}

export const maxFeedMs = 10
/** The parser keeps the code's own caches, not inputs. */
export const maxHeapGrowth = 4 * 1024 * 1024
export const maxConnectionBytes = 2 * 1024 * 1024
/** Faults of one protocol after which there is nothing more to learn. */
const maxFaults = 5
/** Another try tells a slow parser from a machine that did something else. */
const retries = 5
const maxText = 65_536
/** Inputs after which the event loop has its turn, as capture gives it one: zlib frees what it took at such times. */
const turn = 1_024

setFlagsFromString("--expose-gc")
const collect = runInNewContext("gc") as () => void

const heapBytes = (): number => {
  collect()
  collect()
  const { arrayBuffers, heapUsed } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

const isNumber = (value: number): boolean => Number.isSafeInteger(value)

/** What is wrong with a message; empty: nothing. */
const impossible = (message: L7Message): string => {
  for (const [key, value] of Object.entries(message) as Array<[string, unknown]>) {
    if (typeof value === "number" && !isNumber(value)) return `${key} is ${value}`
    if (typeof value === "string" && value.length > maxText) return `${key} has ${value.length} characters`
    if (value === undefined || value === null) return `${key} is ${value}`
  }
  if (message.attributes.length % 2 !== 0) return "an attribute without a value"
  if (message.length < -1) return `length is ${message.length}`
  if (message.code !== (message.code | 0)) return `code is ${message.code}`
  return ""
}

class Watch implements MessageSink {
  messages = 0
  longestMs = 0
  fault = ""
  hasLeft = false

  message(message: L7Message): void {
    this.messages++
    if (this.fault === "") this.fault = impossible(message)
  }

  leave(): void {
    this.hasLeft = true
  }

  desync(): void {}
}

/** Runs stand within larger buffers, as capture has them: a parser that reads beyond `end` reads these. */
const around = 16
const area = new Uint8Array(65_536)

const feedAll = (
  parser: ReturnType<Protocol["connection"]>,
  sink: Watch,
  input: ReadonlyArray<Run>,
  startUs: number,
): number => {
  let mostMs = 0
  let timeUs = startUs
  for (const { direction, bytes, missing } of input) {
    if (sink.hasLeft) break
    area.fill(0x2a, 0, around)
    area.set(bytes, around)
    area.fill(0x2a, around + bytes.length, around * 2 + bytes.length)
    const before = performance.now()
    parser.feed(direction, area, around, around + bytes.length, missing ?? 0, timeUs++, 0)
    mostMs = Math.max(mostMs, performance.now() - before)
  }
  return mostMs
}

/** What is wrong with what `protocol` makes of an input; empty: nothing. */
export const check = (protocol: Protocol, input: ReadonlyArray<Run>, sink = new Watch()): string => {
  try {
    for (const { bytes } of input) protocol.detect(bytes, 0, bytes.length)
    let mostMs = Infinity
    for (let i = 0; i < retries && mostMs > maxFeedMs; i++) {
      const parser = protocol.connection(sink)
      mostMs = Math.min(mostMs, feedAll(parser, sink, input, 1))
      parser.close(input.length + 1)
      sink.hasLeft = false
    }
    sink.longestMs = Math.max(sink.longestMs, mostMs)
    if (mostMs > maxFeedMs) return `one feed took ${mostMs.toFixed(1)} ms`
  } catch (cause) {
    return cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)
  }
  const { fault } = sink
  sink.fault = ""
  return fault
}

/** Memory that one connection holds after `inputs` inputs, or why that cannot be said. */
const oneLongConnection = async (protocol: Protocol, mutator: Mutator, inputs: number): Promise<number> => {
  const sink = new Watch()
  let parser = protocol.connection(sink)
  const before = heapBytes()
  for (let i = 0; i < inputs; i++) {
    if (i % turn === 0) await yieldTurn()
    feedAll(parser, sink, mutator.next(), i * 100)
    if (!sink.hasLeft) continue
    // What was left is not fed any more.
    sink.hasLeft = false
    parser = protocol.connection(sink)
  }
  await yieldTurn()
  const held = heapBytes() - before
  parser.close(inputs * 100)
  return Math.max(0, held)
}

export const fuzzProtocol = async (
  protocol: Protocol,
  conversations: ReadonlyArray<Conversation>,
  inputs: number,
  seed: number,
  progress: (done: number) => void = () => undefined,
): Promise<Outcome> => {
  const mutator = new Mutator(conversations, seed)
  const faults: Array<Fault> = []
  const sink = new Watch()
  const warmUp = Math.ceil(inputs / 10)
  let heapBefore = 0
  let done = 0
  for (; done < inputs && faults.length < maxFaults; done++) {
    if (done === warmUp) heapBefore = heapBytes()
    if (done % turn === 0) await yieldTurn()
    if (done % 65_536 === 0) progress(done)
    const before = mutator.seed
    const input = mutator.next()
    const what = check(protocol, input, sink)
    if (what !== "") faults.push({ what, seed: before, input })
  }
  await yieldTurn()
  const heapGrowth = Math.max(0, heapBytes() - heapBefore)
  const connectionBytes =
    faults.length > 0 ? 0 : await oneLongConnection(protocol, mutator, Math.ceil(inputs / 10))
  const { longestMs, messages } = sink
  return { inputs: done, messages, faults, longestMs, heapGrowth, connectionBytes }
}
