// Do these bytes begin an LDAP message? A sequence of a message id and a known operation whose lengths agree, and for the common
// operations the first field too.

import { Der } from "../Der.ts"
import { Evidence } from "../Protocol.ts"
import { isPartial, isResult, Operation, requestName } from "./operations.ts"

const lookahead = 64
const Tag = { integer: 0x02, octets: 0x04, enumerated: 0x0a, sequence: 0x30 } as const
const oidTag = 0x80

const isFirstField = (der: Der, operation: number, stop: number, isCut: boolean): boolean => {
  const at = der.contentAt
  if (operation === Operation.unbind) return der.contentEnd === at
  if (operation === Operation.delete || operation === Operation.abandon) return der.contentEnd > at
  if (!der.read(at, stop)) return isCut
  if (operation === Operation.bind)
    return der.is(Tag.integer) && (der.number(stop) === 3 || der.number(stop) === 2)
  if (operation === Operation.extended) return der.is(oidTag)
  if (isResult(operation)) return der.is(Tag.enumerated) && der.contentEnd === der.contentAt + 1
  return der.is(Tag.octets) || operation === Operation.intermediate
}

export const detectLdap = (bytes: Uint8Array, start: number, end: number): Evidence => {
  const stop = Math.min(end, start + lookahead)
  if (stop <= start) return Evidence.unclear
  const der = new Der(bytes)
  if (bytes[start] !== Tag.sequence) return Evidence.none
  if (!der.read(start, stop))
    return stop - start < 6 && bytes[start + 1] !== 0x80 ? Evidence.unclear : Evidence.none
  const messageEnd = der.contentEnd
  if (
    !der.read(der.contentAt, stop) ||
    !der.is(Tag.integer) ||
    der.number(stop) < 0 ||
    der.number(stop) > 0x7fffffff
  )
    return Evidence.none
  if (!der.read(der.contentEnd, stop)) return Evidence.none
  const operation = der.tag
  // Controls may follow the operation.
  if (der.contentEnd > messageEnd) return Evidence.none
  if (der.contentEnd < messageEnd && der.contentEnd < stop && bytes[der.contentEnd] !== 0xa0)
    return Evidence.none
  if (!isFirstField(der, operation, stop, stop < messageEnd)) return Evidence.none
  if (requestName(operation) !== "") return Evidence.request
  return isResult(operation) || isPartial(operation) ? Evidence.response : Evidence.none
}
