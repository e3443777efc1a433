// Reads the first message that a broker answers with: its properties hold its key and its trace context.

import type { L7Message } from "../../../model/L7Session.ts"
import type { ByteReader } from "../framed/ByteReader.ts"
import { readTraceField } from "../traceField.ts"

const nameEnd = "\u0001"
const valueEnd = "\u0002"
const uniqueKey = "UNIQ_KEY"

/** Magic numbers of the two formats: the newer one has a longer length of the topic. */
const magic1 = 0xdaa320a7 | 0
const magic2 = 0xdaa320ab | 0
/** Flags of `sysFlag`: addresses are those of IPv6. */
const bornHostV6 = 0x10
const storeHostV6 = 0x20

/** Properties of a message: `name\x01value\x02...`. */
export const readProperties = (text: string, message: L7Message): void => {
  let rank = 0
  for (let at = 0; at < text.length;) {
    const nameAt = text.indexOf(nameEnd, at)
    if (nameAt < 0) return
    const found = text.indexOf(valueEnd, nameAt + 1)
    const end = found < 0 ? text.length : found
    const name = text.slice(at, nameAt)
    const value = text.slice(nameAt + 1, end)
    if (name === uniqueKey) message.xRequestId = value
    else rank = readTraceField(name, value, message, rank)
    at = end + 1
  }
}

const maxProperties = 4096

/** Reads the first message at the reader's position. */
export const readFirstMessage = (reader: ByteReader, message: L7Message): void => {
  reader.skip(4)
  const magic = reader.i32()
  if (magic !== magic1 && magic !== magic2) return
  // CRC, queue, flag, offset in the queue, offset in the log.
  reader.skip(4 + 4 + 4 + 8 + 8)
  const sysFlag = reader.i32()
  reader.skip(8 + ((sysFlag & bornHostV6) === 0 ? 8 : 20))
  reader.skip(8 + ((sysFlag & storeHostV6) === 0 ? 8 : 20))
  // Times consumed again, offset of a prepared transaction.
  reader.skip(4 + 8)
  reader.skip(reader.i32())
  reader.skip(magic === magic2 ? reader.u16() : reader.u8())
  const length = reader.u16()
  if (length <= maxProperties) readProperties(reader.longText(length), message)
}
