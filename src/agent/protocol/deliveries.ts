// Which messages that nobody asked for are work: what brokers send to those who subscribed, not what they say of themselves.

import type { L7Message } from "../../model/L7Session.ts"
import { L7Protocol } from "../../model/protocol.ts"

const deliveries: ReadonlyMap<number, ReadonlySet<string>> = new Map([
  [L7Protocol.amqp, new Set(["Basic.Deliver"])],
  [L7Protocol.mqtt, new Set(["Publish"])],
  [L7Protocol.nats, new Set(["Msg", "Hmsg"])],
  [L7Protocol.redis, new Set(["MESSAGE", "PMESSAGE", "SMESSAGE"])],
])

/** Of a response that is one-way. */
export const isDelivery = ({ protocol, requestType }: L7Message): boolean =>
  deliveries.get(protocol)?.has(requestType) === true
