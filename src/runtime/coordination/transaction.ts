// What a transaction may be, checked before any store sees it, so that both layers refuse the same with the same words.

import {
  type Condition,
  CoordinationError,
  transactionBytesMost,
  valueBytesMost,
  type Write,
  writesMost,
} from "./Coordination.ts"

const tooLarge = (message: string) => new CoordinationError({ reason: "too large", message })

const duplicate = (key: string) =>
  new CoordinationError({ reason: "refused", message: `${key} is written twice in one transaction` })

/** Undefined: it may be tried. */
export const transactionProblem = (
  when: ReadonlyArray<Condition>,
  writes: ReadonlyArray<Write>,
): CoordinationError | undefined => {
  if (writes.length > writesMost || when.length > writesMost) {
    return tooLarge(
      `a transaction of ${writes.length} writes and ${when.length} conditions; ${writesMost} of each are the most`,
    )
  }
  const put = new Set<string>()
  let bytes = 0
  for (const write of writes) {
    if (!("put" in write)) continue
    if (put.has(write.put)) return duplicate(write.put)
    put.add(write.put)
    const valueBytes = Buffer.byteLength(write.value)
    if (valueBytes > valueBytesMost)
      return tooLarge(`${write.put}: a value of ${valueBytes} bytes; ${valueBytesMost} are the most`)
    bytes += Buffer.byteLength(write.put) + valueBytes
  }
  if (bytes > transactionBytesMost)
    return tooLarge(`a transaction of ${bytes} bytes; ${transactionBytesMost} are the most`)
  for (const write of writes) {
    if ("put" in write) continue
    if ("remove" in write) {
      if (put.has(write.remove)) return duplicate(write.remove)
    } else {
      for (const key of put) if (key.startsWith(write.removePrefix)) return duplicate(key)
    }
  }
  return undefined
}
