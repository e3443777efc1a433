// A FramedConnection whose protocol pairs answers with calls by id: whatever was lost before, what comes after is paired.

import type { ParserStats } from "../ParserStats.ts"
import type { MessageSink } from "../Protocol.ts"
import { FramedConnection } from "./FramedConnection.ts"
import { OpenCalls } from "./OpenCalls.ts"

export abstract class CallConnection<Call> extends FramedConnection {
  /** Calls without an answer, with what the answer shows of them. */
  protected readonly calls: OpenCalls<Call>

  constructor(sink: MessageSink, stats: ParserStats, maxKept: number) {
    super(sink, stats, maxKept)
    this.calls = new OpenCalls(stats)
  }

  protected override lost(): void {}
}
