// Messages on their way from a broker to a consumer: sent unasked, or as the answer to a consumer that asked for some.

import { RecordType } from "../../../model/L7Session.ts"
import { L7Protocol } from "../../../model/protocol.ts"
import type { SpanRow } from "../SpanRow.ts"

/** Positions of the rows of one call, in the order of its way. */
type CallRows = ReadonlyArray<number>

/** Requests for messages. The ids in their rows come with the answer: those of the first message that has some. */
const pulls: ReadonlyMap<number, ReadonlySet<string>> = new Map([
  [L7Protocol.kafka, new Set(["Fetch", "ShareFetch"])],
  [L7Protocol.rocketMq, new Set(["PULL_MESSAGE", "LITE_PULL_MESSAGE", "POP_MESSAGE"])],
])

/** Nobody asked for it: what a broker sends to whoever subscribed. */
export const isPush = (rows: ReadonlyArray<SpanRow>, call: CallRows): boolean =>
  call.every((row) => rows[row]!.type === RecordType.response)

const isPull = (rows: ReadonlyArray<SpanRow>, call: CallRows): boolean => {
  const { l7Protocol, requestType } = rows[call[0]!]!
  return pulls.get(l7Protocol)?.has(requestType) === true
}

/** The ids that it carries are those of a message that another call brought to the broker. */
export const isDelivery = (rows: ReadonlyArray<SpanRow>, call: CallRows): boolean =>
  isPush(rows, call) || isPull(rows, call)

/** The row that is nearest to who gets what the call carries. */
export const receivingEnd = (rows: ReadonlyArray<SpanRow>, call: CallRows): number =>
  !isPush(rows, call) && isPull(rows, call) ? call[0]! : call.at(-1)!
