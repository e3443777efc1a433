// The first bytes of RESP2 and RESP3 values and what follows each.

export const RespType = {
  none: 0,
  simple: 43, // +
  error: 45, // -
  integer: 58, // :
  bulk: 36, // $
  array: 42, // *
  nothing: 95, // _
  boolean: 35, // #
  double: 44, // ,
  bigNumber: 40, // (
  bulkError: 33, // !
  verbatim: 61, // =
  map: 37, // %
  set: 126, // ~
  attribute: 124, // |
  push: 62, // >
  chunk: 59, // ;
  end: 46, // .
  /** A command typed as a line, without a type byte. */
  inline: 1,
} as const

export const isAggregate = (type: number): boolean =>
  type === RespType.array ||
  type === RespType.map ||
  type === RespType.set ||
  type === RespType.push ||
  type === RespType.attribute
export const isBulk = (type: number): boolean =>
  type === RespType.bulk ||
  type === RespType.bulkError ||
  type === RespType.verbatim ||
  type === RespType.chunk
export const isLine = (type: number): boolean =>
  type === RespType.simple ||
  type === RespType.error ||
  type === RespType.integer ||
  type === RespType.nothing ||
  type === RespType.boolean ||
  type === RespType.double ||
  type === RespType.bigNumber
