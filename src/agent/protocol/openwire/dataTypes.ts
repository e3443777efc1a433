// OpenWire's data structures by type: names, and their fields in the order of the wire as far as they are read. Source: the
// marshallers of Apache ActiveMQ 5.x (openwire versions 1 to 12).

export const Kind = {
  bool: 0,
  byte: 1,
  int: 2,
  long: 3,
  string: 4,
  bytes: 5,
  /** An object, or nothing. */
  nested: 6,
  /** An object that is sent once and referred to by number afterwards. */
  cached: 7,
  array: 8,
  throwable: 9,
} as const
export type Kind = (typeof Kind)[keyof typeof Kind]

/** What a field's value is used for. */
export const Use = {
  none: 0,
  /** Name of a destination. */
  name: 1,
  destination: 2,
  correlationText: 3,
  properties: 4,
  brokerUrl: 5,
  brokerName: 6,
  clientId: 7,
  /** Number of the command that a response answers. */
  correlation: 8,
  error: 9,
} as const
export type Use = (typeof Use)[keyof typeof Use]

export interface Field {
  readonly kind: Kind
  readonly use: Use
  /** First version of OpenWire that has the field. */
  readonly since: number
}

const field = (kind: Kind, use: Use = Use.none, since = 1): Field => ({ kind, use, since })

const bool = field(Kind.bool)
const byte = field(Kind.byte)
const int = field(Kind.int)
const long = field(Kind.long)
const string = field(Kind.string)
const bytes = field(Kind.bytes)
const nested = field(Kind.nested)
const cached = field(Kind.cached)
const array = field(Kind.array)
const destination = field(Kind.cached, Use.destination)
const error = field(Kind.throwable, Use.error)

export const DataType = {
  wireFormatInfo: 1,
  brokerInfo: 2,
  connectionInfo: 3,
  connectionError: 16,
  messageDispatch: 21,
  firstMessage: 23,
  lastMessage: 29,
  response: 30,
  exceptionResponse: 31,
  lastResponse: 34,
} as const

export const isMessage = (type: number): boolean =>
  type >= DataType.firstMessage && type <= DataType.lastMessage

export const isResponse = (type: number): boolean =>
  type >= DataType.response && type <= DataType.lastResponse

const commandNames: Record<number, string> = {
  1: "WireFormatInfo",
  2: "BrokerInfo",
  3: "ConnectionInfo",
  4: "SessionInfo",
  5: "ConsumerInfo",
  6: "ProducerInfo",
  7: "TransactionInfo",
  8: "DestinationInfo",
  9: "RemoveSubscriptionInfo",
  10: "KeepAliveInfo",
  11: "ShutdownInfo",
  12: "RemoveInfo",
  14: "ControlCommand",
  15: "FlushCommand",
  16: "ConnectionError",
  17: "ConsumerControl",
  18: "ConnectionControl",
  19: "ProducerAck",
  20: "MessagePull",
  21: "MessageDispatch",
  22: "MessageAck",
  23: "ActiveMQMessage",
  24: "ActiveMQBytesMessage",
  25: "ActiveMQMapMessage",
  26: "ActiveMQObjectMessage",
  27: "ActiveMQStreamMessage",
  28: "ActiveMQTextMessage",
  29: "ActiveMQBlobMessage",
  30: "Response",
  31: "ExceptionResponse",
  32: "DataResponse",
  33: "DataArrayResponse",
  34: "IntegerResponse",
  40: "DiscoveryEvent",
  60: "PartialCommand",
  61: "LastPartialCommand",
  65: "ReplayCommand",
  90: "MessageDispatchNotification",
  92: "BrokerSubscriptionInfo",
}

/** Name of a command, empty when the type is none. */
export const commandName = (type: number): string => commandNames[type] ?? ""

const message: ReadonlyArray<Field> = [
  cached,
  destination,
  cached,
  cached,
  nested,
  cached,
  string,
  int,
  field(Kind.string, Use.correlationText),
  bool,
  long,
  byte,
  nested,
  long,
  string,
  bytes,
  field(Kind.bytes, Use.properties),
]

const name: ReadonlyArray<Field> = [field(Kind.string, Use.name)]
const id: ReadonlyArray<Field> = [string, long, long]

/** Fields by type; of commands those behind the command id and the wish for an answer. */
const fields: Record<number, ReadonlyArray<Field>> = {
  2: [cached, field(Kind.string, Use.brokerUrl), array, field(Kind.string, Use.brokerName)],
  3: [cached, field(Kind.string, Use.clientId)],
  4: [cached],
  5: [cached, bool, destination],
  6: [cached, destination],
  7: [cached, cached],
  8: [cached, destination],
  9: [cached],
  12: [cached],
  16: [error, nested],
  17: [field(Kind.cached, Use.destination, 6), bool, cached],
  20: [cached, destination],
  21: [cached, destination, nested],
  22: [destination, cached, cached, byte, nested, nested],
  30: [field(Kind.int, Use.correlation)],
  31: [field(Kind.int, Use.correlation), error],
  32: [field(Kind.int, Use.correlation)],
  33: [field(Kind.int, Use.correlation)],
  34: [field(Kind.int, Use.correlation)],
  100: name,
  101: name,
  102: name,
  103: name,
  110: [field(Kind.string, Use.none, 10), cached, long, long],
  111: [long, cached],
  112: [int, bytes, bytes],
  120: [string],
  121: [string, long],
  122: id,
  123: id,
  124: [string],
}
for (let type: number = DataType.firstMessage; type <= DataType.lastMessage; type++) fields[type] = message

/** Undefined for what is not read: then its length is not known either. */
export const fieldsOf = (type: number): ReadonlyArray<Field> | undefined => fields[type]
