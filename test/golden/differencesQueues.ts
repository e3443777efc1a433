// Deliberate differences of the message queues; see differences.ts.

import type { Difference } from "./differences.ts"

/** Numbers written as `0 3-5`. */
const numbers = (text: string): ReadonlyArray<number> =>
  text.split(" ").flatMap((part) => {
    const [first, last = first] = part.split("-").map(Number)
    return Array.from({ length: last - first + 1 }, (_, i) => first + i)
  })

const gone = (file: string, lines: string, reason: string): Difference => ({
  file,
  lines: numbers(lines),
  reason,
})

const differs = (file: string, lines: string, key: string, ours: unknown, reason: string): Difference => ({
  file,
  lines: numbers(lines),
  key,
  ours,
  reason,
})

const header = "The header of the protocol carries no message."
const content = "Frames of content: they belong to the message of the method before them."
const closed =
  "The broker's close is the answer to what waited on its channel (the line before); close-ok adds nothing."
const greeting = "Pieces of the two greetings, which are one message each."
const frames = "Frames of a message of several: one message."
const oneWay = "Who sent it decides; that nobody answers it is its being one-way."
const direction = "Who sent it decides: the server's greeting and ping are no requests of the client."
const unstated = "What asks or is not answered has no status: nothing was said of success."
const unnumbered = "This command has no id."
const answered = "The command that is answered, by which they pair; the answer's own id is always 0."
const number = "The reply code as it is on the wire."
const request = "A request has no outcome; the code of a close that the client asks for is no error."
const otherConnection = "Another connection: its virtual host is not known yet."
const named = "The command's name in PulsarApi.proto instead of its number."
const remark = "The remark of an answer without error is a result, no exception."

export const queueDifferences: ReadonlyArray<Difference> = [
  gone("amqp/amqp3", "0", header),
  gone("amqp/amqp3", "12-13", content),
  differs("amqp/amqp3", "11", "msg", "request", oneWay),
  differs("amqp/amqp3", "11", "response_status", "unknown", unstated),
  gone("amqp/amqp-error", "0 7 14 31", header),
  gone("amqp/amqp-error", "27-28", closed),
  gone("amqp/amqp-error", "43-44 46-47", content),
  differs("amqp/amqp-error", "6 13", "response_code", 530, number),
  differs("amqp/amqp-error", "8-11 15-18", "request_domain", undefined, otherConnection),
  differs("amqp/amqp-error", "26", "response_code", 406, number),
  differs("amqp/amqp-error", "29 42 48 50", "response_status", "unknown", unstated),
  differs("amqp/amqp-error", "29 48 50", "response_code", undefined, request),
  differs("amqp/amqp-error", "29 48 50", "response_result", undefined, request),
  differs("amqp/amqp-error", "42", "msg", "request", oneWay),
  differs("amqp/amqp-error", "45", "msg", "response", oneWay),
  differs("amqp/amqp-error", "45", "response_code", 312, number),
  differs("mqtt/mqtt_pub", "0 2 4", "msg", "request", oneWay),
  differs("mqtt/mqtt_pub", "0 2 4", "response_status", "unknown", unstated),
  differs("mqtt/mqtt_pub", "1 3 5", "msg", "response", oneWay),
  differs("mqtt/mqtt_roundtrip", "0 2 4 6 8 10-11 13 15 17", "msg", "request", oneWay),
  differs("mqtt/mqtt_roundtrip", "0 2 4 6 8 10-11 13 15 17", "response_status", "unknown", unstated),
  differs("mqtt/mqtt_roundtrip", "1 3 5 7 9 12 14 16", "msg", "response", oneWay),
  differs("nats/nats-err", "0 2-3 6", "msg", "response", direction),
  differs("nats/nats-err", "1 4", "msg", "request", direction),
  differs("nats/nats-headers", "0 2-3 6 8 10-11 13-14 16 18 20-21 23-24 26", "msg", "response", direction),
  differs("nats/nats-headers", "1 4-5 7 9 12 15 17 19 22 25", "msg", "request", direction),
  differs("nats/nats-nrpc2", "0 6", "msg", "response", direction),
  differs("nats/nats-nrpc2", "1 4-5", "msg", "request", direction),
  differs("nats/nats-opentelemetry", "0 8-9", "msg", "response", direction),
  differs("nats/nats-opentelemetry", "1 4-6", "msg", "request", direction),
  differs("rocketmq/rocketmq-consumer-otel", "1 3 5", "response_exception", undefined, remark),
  differs("rocketmq/rocketmq-pull-message", "2-3 7-8", "response_exception", undefined, remark),
  differs("rocketmq/rocketmq-update-consumer-offset", "0-2", "msg", "request", oneWay),
  differs("rocketmq/rocketmq-update-consumer-offset", "0-2", "response_status", "unknown", unstated),
  differs(
    "openwire/openwire_correlation_id",
    "0 7 10 17 20-39 41 43 45 47 49 51 53 55 57 59 61 63 65 67 69 71 74-75 77 79-80 83 85 88",
    "msg",
    "request",
    oneWay,
  ),
  differs("openwire/openwire_correlation_id", "0-1 10-11", "request_id", undefined, unnumbered),
  differs(
    "openwire/openwire_correlation_id",
    "0-3 5 7-8 10-13 15 17-18 20-81 83 85-86 88",
    "response_status",
    "unknown",
    unstated,
  ),
  differs(
    "openwire/openwire_correlation_id",
    "1 3 11 13 40 42 44 46 48 50 52 54 56 58 60 62 64 66 68 70 72-73 76 78",
    "msg",
    "response",
    oneWay,
  ),
  differs("openwire/openwire_correlation_id", "4 14", "request_id", 1, answered),
  differs("openwire/openwire_correlation_id", "6 16", "request_id", 2, answered),
  differs("openwire/openwire_correlation_id", "9 19", "request_id", 4, answered),
  differs("openwire/openwire_correlation_id", "82 84 87 89", "request_id", 26, answered),
  differs("openwire/openwire_injected", "0 7 30-31 35-36 43 52-57 62-67 71", "msg", "request", oneWay),
  differs("openwire/openwire_injected", "0-1 36-37", "request_id", undefined, unnumbered),
  differs(
    "openwire/openwire_injected",
    "0-3 5 7-8 10 12 14 16 18 20 22 24 26 28 30-32 35-39 41 43-44 46-68 71",
    "response_status",
    "unknown",
    unstated,
  ),
  differs("openwire/openwire_injected", "1-2 37-38 46-51 58-61", "msg", "response", oneWay),
  differs("openwire/openwire_injected", "4 40", "request_id", 1, answered),
  differs("openwire/openwire_injected", "6 42", "request_id", 2, answered),
  differs("openwire/openwire_injected", "9 45", "request_id", 4, answered),
  differs("openwire/openwire_injected", "11", "request_id", 5, answered),
  differs("openwire/openwire_injected", "13", "request_id", 6, answered),
  differs("openwire/openwire_injected", "15", "request_id", 7, answered),
  differs("openwire/openwire_injected", "17", "request_id", 8, answered),
  differs("openwire/openwire_injected", "19", "request_id", 9, answered),
  differs("openwire/openwire_injected", "21", "request_id", 10, answered),
  differs("openwire/openwire_injected", "23", "request_id", 11, answered),
  differs("openwire/openwire_injected", "25", "request_id", 12, answered),
  differs("openwire/openwire_injected", "27", "request_id", 13, answered),
  differs("openwire/openwire_injected", "29", "request_id", 14, answered),
  differs("openwire/openwire_injected", "33-34 69-70", "request_id", 17, answered),
  differs(
    "openwire/openwire_tight_consumer",
    "0 7 11 13 15 17 21-23 28-31 33 36-37 39 43-45 48-50 53",
    "msg",
    "request",
    oneWay,
  ),
  differs("openwire/openwire_tight_consumer", "0-1", "request_id", undefined, unnumbered),
  differs("openwire/openwire_tight_consumer", "0-3 5 7-8 10-51 53", "response_status", "unknown", unstated),
  differs(
    "openwire/openwire_tight_consumer",
    "1 3 10 12 14 16 18-20 24-27 32 34-35 38 40-42 46-47",
    "msg",
    "response",
    oneWay,
  ),
  differs("openwire/openwire_tight_consumer", "4", "request_id", 1, answered),
  differs("openwire/openwire_tight_consumer", "6", "request_id", 2, answered),
  differs("openwire/openwire_tight_consumer", "9", "request_id", 4, answered),
  differs("openwire/openwire_tight_consumer", "52 54", "request_id", 26, answered),
  differs("openwire/openwire_tight_producer", "0 7 10-30 34", "msg", "request", oneWay),
  differs("openwire/openwire_tight_producer", "0-1", "request_id", undefined, unnumbered),
  differs("openwire/openwire_tight_producer", "0-3 5 7-8 10-31 34", "response_status", "unknown", unstated),
  differs("openwire/openwire_tight_producer", "1 3", "msg", "response", oneWay),
  differs("openwire/openwire_tight_producer", "4", "request_id", 1, answered),
  differs("openwire/openwire_tight_producer", "6", "request_id", 2, answered),
  differs("openwire/openwire_tight_producer", "9", "request_id", 4, answered),
  differs("openwire/openwire_tight_producer", "32-33", "request_id", 26, answered),
  gone("zmtp/zmtp_plain", "1-2", greeting),
  gone("zmtp/zmtp_plain", "9-10", frames),
  differs("zmtp/zmtp_plain", "0 5 7", "msg", "response", oneWay),
  differs("zmtp/zmtp_plain", "0 3-8", "response_status", "unknown", unstated),
  differs("zmtp/zmtp_plain", "3-4 6", "msg", "request", oneWay),
  gone("zmtp/zmtp_subscribe_one", "1-2", greeting),
  gone("zmtp/zmtp_subscribe_one", "8 10 12 14 16", frames),
  differs("zmtp/zmtp_subscribe_one", "0 5-6", "msg", "request", oneWay),
  differs("zmtp/zmtp_subscribe_one", "0 3-7 9 11 13 15", "response_status", "unknown", unstated),
  differs("zmtp/zmtp_subscribe_one", "3-4 7 9 11 13 15", "msg", "response", oneWay),
  gone("zmtp/zmtp_subscribe_two", "1-2", greeting),
  gone("zmtp/zmtp_subscribe_two", "9 11 13 15 17 19 21 23", frames),
  differs("zmtp/zmtp_subscribe_two", "0 5 8 10 12 14 16 18 20 22", "msg", "response", oneWay),
  differs("zmtp/zmtp_subscribe_two", "0 3-8 10 12 14 16 18 20 22", "response_status", "unknown", unstated),
  differs("zmtp/zmtp_subscribe_two", "3-4 6-7", "msg", "request", oneWay),
  differs("pulsar/pulsar-producer", "0 6", "request_type", "CONNECT", named),
  differs("pulsar/pulsar-producer", "1 7", "request_type", "CONNECTED", named),
  differs("pulsar/pulsar-producer", "2", "request_type", "PARTITIONED_METADATA", named),
  differs("pulsar/pulsar-producer", "3", "request_type", "PARTITIONED_METADATA_RESPONSE", named),
  differs("pulsar/pulsar-producer", "4", "request_type", "LOOKUP", named),
  differs("pulsar/pulsar-producer", "5", "request_type", "LOOKUP_RESPONSE", named),
  differs("pulsar/pulsar-producer", "8", "request_type", "PRODUCER", named),
  differs("pulsar/pulsar-producer", "9", "request_type", "PRODUCER_SUCCESS", named),
  differs("pulsar/pulsar-producer", "10 12 14 16 18 20 22 24 26 28", "request_type", "SEND", named),
  differs("pulsar/pulsar-producer", "11 13 15 17 19 21 23 25 27 29", "request_type", "SEND_RECEIPT", named),
  differs("pulsar/pulsar-producer", "30", "request_type", "CLOSE_PRODUCER", named),
  differs("pulsar/pulsar-producer", "31", "request_type", "SUCCESS", named),
]
