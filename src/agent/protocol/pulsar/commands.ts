// Pulsar's commands (BaseCommand of PulsarApi.proto): names, who sends them, and the numbers of the fields that are read. The type
// of a command is also the number of the field that holds it.

export const Role = { request: 0, response: 1, oneWay: 2 } as const
export type Role = (typeof Role)[keyof typeof Role]

export const Sender = { client: 1, broker: 2, both: 3 } as const

export interface Command {
  readonly name: string
  readonly role: Role
  readonly sender: number
  /** Numbers of fields, 0 where the command has none. */
  readonly requestId: number
  readonly topic: number
  readonly producerId: number
  readonly consumerId: number
  readonly messageId: number
  readonly error: number
  readonly errorText: number
}

const none = {
  requestId: 0,
  topic: 0,
  producerId: 0,
  consumerId: 0,
  messageId: 0,
  error: 0,
  errorText: 0,
}

const commands: Array<Command | undefined> = []

const add = (type: number, name: string, role: Role, sender: number, fields: Partial<typeof none>): void => {
  commands[type] = { ...none, ...fields, name, role, sender }
}
const request = (type: number, name: string, fields: Partial<typeof none>): void =>
  add(type, name, Role.request, Sender.client, fields)
const response = (type: number, name: string, fields: Partial<typeof none>): void =>
  add(type, name, Role.response, Sender.broker, fields)
const push = (type: number, name: string, fields: Partial<typeof none>): void =>
  add(type, name, Role.oneWay, Sender.broker, fields)

export const CommandType = {
  connect: 2,
  connected: 3,
  subscribe: 4,
  producer: 5,
  send: 6,
  sendReceipt: 7,
  sendError: 8,
  message: 9,
  ack: 10,
  error: 14,
  closeProducer: 15,
  closeConsumer: 16,
  ping: 18,
  pong: 19,
  partitionedMetadataResponse: 22,
  lookupResponse: 24,
} as const

request(2, "CONNECT", {})
response(3, "CONNECTED", {})
request(4, "SUBSCRIBE", { topic: 1, consumerId: 4, requestId: 5 })
request(5, "PRODUCER", { topic: 1, producerId: 2, requestId: 3 })
request(6, "SEND", { producerId: 1 })
response(7, "SEND_RECEIPT", { producerId: 1, messageId: 3 })
response(8, "SEND_ERROR", { producerId: 1, error: 3, errorText: 4 })
push(9, "MESSAGE", { consumerId: 1, messageId: 2 })
add(10, "ACK", Role.oneWay, Sender.client, { consumerId: 1, messageId: 3, requestId: 8 })
add(11, "FLOW", Role.oneWay, Sender.client, { consumerId: 1 })
request(12, "UNSUBSCRIBE", { consumerId: 1, requestId: 2 })
response(13, "SUCCESS", { requestId: 1 })
response(14, "ERROR", { requestId: 1, error: 2, errorText: 3 })
add(15, "CLOSE_PRODUCER", Role.request, Sender.both, { producerId: 1, requestId: 2 })
add(16, "CLOSE_CONSUMER", Role.request, Sender.both, { consumerId: 1, requestId: 2 })
response(17, "PRODUCER_SUCCESS", { requestId: 1 })
add(18, "PING", Role.request, Sender.both, {})
add(19, "PONG", Role.response, Sender.both, {})
add(20, "REDELIVER_UNACKNOWLEDGED_MESSAGES", Role.oneWay, Sender.client, { consumerId: 1 })
request(21, "PARTITIONED_METADATA", { topic: 1, requestId: 2 })
response(22, "PARTITIONED_METADATA_RESPONSE", { requestId: 2, error: 4, errorText: 5 })
request(23, "LOOKUP", { topic: 1, requestId: 2 })
response(24, "LOOKUP_RESPONSE", { requestId: 4, error: 6, errorText: 7 })
request(25, "CONSUMER_STATS", { requestId: 1, consumerId: 4 })
response(26, "CONSUMER_STATS_RESPONSE", { requestId: 1, error: 2, errorText: 3 })
push(27, "REACHED_END_OF_TOPIC", { consumerId: 1 })
request(28, "SEEK", { consumerId: 1, requestId: 2 })
request(29, "GET_LAST_MESSAGE_ID", { consumerId: 1, requestId: 2 })
response(30, "GET_LAST_MESSAGE_ID_RESPONSE", { requestId: 2 })
push(31, "ACTIVE_CONSUMER_CHANGE", { consumerId: 1 })
request(32, "GET_TOPICS_OF_NAMESPACE", { requestId: 1, topic: 2 })
response(33, "GET_TOPICS_OF_NAMESPACE_RESPONSE", { requestId: 1 })
request(34, "GET_SCHEMA", { requestId: 1, topic: 2 })
response(35, "GET_SCHEMA_RESPONSE", { requestId: 1, error: 2, errorText: 3 })
push(36, "AUTH_CHALLENGE", {})
add(37, "AUTH_RESPONSE", Role.oneWay, Sender.client, {})
response(38, "ACK_RESPONSE", { consumerId: 1, error: 4, errorText: 5, requestId: 6 })
request(39, "GET_OR_CREATE_SCHEMA", { requestId: 1, topic: 2 })
response(40, "GET_OR_CREATE_SCHEMA_RESPONSE", { requestId: 1, error: 2, errorText: 3 })

/** Calls of transactions, each with an answer of one form behind it. */
const transactionCalls = [
  "NEW_TXN",
  "ADD_PARTITION_TO_TXN",
  "ADD_SUBSCRIPTION_TO_TXN",
  "END_TXN",
  "END_TXN_ON_PARTITION",
  "END_TXN_ON_SUBSCRIPTION",
]
transactionCalls.forEach((name, i) => {
  request(50 + 2 * i, name, { requestId: 1 })
  response(51 + 2 * i, `${name}_RESPONSE`, { requestId: 1, error: 4, errorText: 5 })
})
request(62, "TC_CLIENT_CONNECT_REQUEST", { requestId: 1 })
response(63, "TC_CLIENT_CONNECT_RESPONSE", { requestId: 1, error: 2, errorText: 3 })
request(64, "WATCH_TOPIC_LIST", { requestId: 1, topic: 3 })
response(65, "WATCH_TOPIC_LIST_SUCCESS", { requestId: 1 })
push(66, "WATCH_TOPIC_UPDATE", {})
request(67, "WATCH_TOPIC_LIST_CLOSE", { requestId: 1 })
push(68, "TOPIC_MIGRATED", {})

export const commandOf = (type: number): Command | undefined => commands[type]

const errorNames: ReadonlyArray<string> = [
  "UnknownError",
  "MetadataError",
  "PersistenceError",
  "AuthenticationError",
  "AuthorizationError",
  "ConsumerBusy",
  "ServiceNotReady",
  "ProducerBlockedQuotaExceededError",
  "ProducerBlockedQuotaExceededException",
  "ChecksumError",
  "UnsupportedVersionError",
  "TopicNotFound",
  "SubscriptionNotFound",
  "ConsumerNotFound",
  "TooManyRequests",
  "TopicTerminatedError",
  "ProducerBusy",
  "InvalidTopicName",
  "IncompatibleSchema",
  "ConsumerAssignError",
  "TransactionCoordinatorNotFound",
  "InvalidTxnStatus",
  "NotAllowedError",
  "TransactionConflict",
  "TransactionNotFound",
  "ProducerFenced",
]

export const errorName = (code: number): string => errorNames[code] ?? `error ${code}`
