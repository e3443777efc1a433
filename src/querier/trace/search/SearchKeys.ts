// The ids by which more of a trace is asked for: each is asked once.

import { causalIds, type SpanRow, spanKindOf } from "../SpanRow.ts"

/** What one question asks for. */
export interface Keys {
  readonly traceIds: ReadonlyArray<string>
  readonly xRequestIds: ReadonlyArray<string>
  /** Agent and id. */
  readonly causalIds: ReadonlyArray<readonly [agent: number, id: string]>
  /** TCP sequence numbers of requests and responses. */
  readonly sequences: ReadonlyArray<number>
  /** Ports of client and server of connections whose messages have no sequence numbers. */
  readonly connections: ReadonlyArray<readonly [client: number, server: number]>
}

/** Of one kind in one question: they travel in its address. What is beyond waits for the next round. */
const mostAtOnce = 500

class Queue<Key extends string | number | readonly (string | number)[]> {
  readonly #seen = new Set<string>()
  readonly #waiting: Array<Key> = []

  add(key: Key): void {
    const name = String(key)
    if (this.#seen.has(name)) return
    this.#seen.add(name)
    this.#waiting.push(key)
  }

  again(key: Key): void {
    this.#waiting.push(key)
  }

  take(): ReadonlyArray<Key> {
    return this.#waiting.splice(0, mostAtOnce)
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0
  }
}

export class SearchKeys {
  readonly #traceIds = new Queue<string>()
  readonly #xRequestIds = new Queue<string>()
  readonly #causalIds = new Queue<readonly [number, string]>()
  readonly #sequences = new Queue<number>()
  readonly #connections = new Queue<readonly [number, number]>()

  addTraceId(id: string): void {
    this.#traceIds.add(id)
  }

  addXRequestId(id: string): void {
    this.#xRequestIds.add(id)
  }

  addXRequestIdAgain(id: string): void {
    this.#xRequestIds.again(id)
  }

  /** The ids that are certain to be of one call or one process; trace ids and X-Request-IDs are the search's to choose. */
  addRow(row: SpanRow): void {
    for (const id of causalIds(row)) this.#causalIds.add([row.agent, id])
    if (spanKindOf(row) === "application") return
    for (const sequence of [row.requestTcpSeq, row.responseTcpSeq])
      if (sequence !== 0) this.#sequences.add(sequence)
    const hasSequence = row.requestTcpSeq !== 0 || row.responseTcpSeq !== 0
    if (!hasSequence && row.clientPort !== 0) this.#connections.add([row.clientPort, row.serverPort])
  }

  get isEmpty(): boolean {
    return [this.#traceIds, this.#xRequestIds, this.#causalIds, this.#sequences, this.#connections].every(
      ({ isEmpty }) => isEmpty,
    )
  }

  take(): Keys {
    return {
      traceIds: this.#traceIds.take(),
      xRequestIds: this.#xRequestIds.take(),
      causalIds: this.#causalIds.take(),
      sequences: this.#sequences.take(),
      connections: this.#connections.take(),
    }
  }
}
