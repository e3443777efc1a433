// The BATCH frame of an outgoing batch: made once (compression), read back where it is kept in the spool.

import * as Effect from "effect/Effect"
import { compress } from "../../wire/compression.ts"
import { encodeBatch } from "../../wire/messages.ts"
import type { Outgoing, SendQueue } from "./SendQueue.ts"
import type { Spool } from "./Spool.ts"

/** Undefined when the batch cannot be had (any more): its file is damaged, or it is done. */
export const frameOf = (
  queue: SendQueue,
  entry: Outgoing,
  agentId: string,
  spool: Spool | undefined,
): Effect.Effect<Uint8Array | undefined> => {
  if (entry.frame !== undefined) return Effect.succeed(entry.frame)
  if (entry.file !== undefined) return spool === undefined ? Effect.undefined : spool.read(entry.file)
  const { body } = entry
  if (body === undefined) return Effect.undefined
  return Effect.map(compress(body), (compressed) => {
    const { instance, seq, kind, rows } = entry
    const frame = encodeBatch({
      agent: agentId,
      instance,
      seq,
      kind,
      rows,
      bytes: body.length,
      ...compressed,
    })
    queue.framed(entry, frame)
    return frame
  })
}
