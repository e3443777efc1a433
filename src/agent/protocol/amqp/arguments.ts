// Reads the arguments of a method into what a message shows: names of things, codes, whether an answer is wanted.

import { type L7Message, ResponseStatus } from "../../../model/L7Session.ts"
import type { ByteReader } from "../framed/ByteReader.ts"
import { MethodKey } from "./methods.ts"

/** Reply codes that lie with the broker: CONNECTION_FORCED, RESOURCE_ERROR, INTERNAL_ERROR. */
const serverCodes = new Set([320, 506, 541])
const success = 200

export const replyStatus = (code: number): ResponseStatus => {
  if (code === success) return ResponseStatus.ok
  return serverCodes.has(code) ? ResponseStatus.serverError : ResponseStatus.clientError
}

export interface Arguments {
  vhost: string
  /** Exchange and routing key, or queue. */
  resource: string
  isNoWait: boolean
  /** Reply code of a close or a return, 0: none. */
  code: number
  text: string
  /** Class and method that a close blames. */
  blamed: number
}

const shortText = (reader: ByteReader): string => reader.text(reader.u8())

/** `exchange.key`; the default exchange has no name. */
const route = (exchange: string, key: string): string => (exchange === "" ? key : `${exchange}.${key}`)

const readClose = (reader: ByteReader, args: Arguments): void => {
  const code = reader.u16()
  args.text = shortText(reader)
  if (!reader.isShort) args.code = code
  const classId = reader.u16()
  args.blamed = classId * 256 + reader.u16()
}

/** Reads the arguments of `key` at the reader's position into `args`, which it resets. */
export const readArguments = (reader: ByteReader, key: number, args: Arguments): void => {
  args.vhost = args.resource = args.text = ""
  args.isNoWait = false
  args.code = args.blamed = 0
  switch (key) {
    case MethodKey.open:
      args.vhost = shortText(reader)
      break
    case MethodKey.connectionClose:
    case MethodKey.channelClose:
      readClose(reader, args)
      break
    case MethodKey.exchangeDeclare:
      reader.skip(2)
      args.resource = route(shortText(reader), "")
      reader.skip(reader.u8())
      args.isNoWait = (reader.u8() & 16) !== 0
      break
    case MethodKey.exchangeDelete:
      reader.skip(2)
      args.resource = route(shortText(reader), "")
      args.isNoWait = (reader.u8() & 2) !== 0
      break
    case MethodKey.exchangeBind:
    case MethodKey.exchangeUnbind: {
      reader.skip(2)
      // The destination comes first; messages take the way from the source.
      reader.skip(reader.u8())
      const source = shortText(reader)
      args.resource = route(source, shortText(reader))
      args.isNoWait = (reader.u8() & 1) !== 0
      break
    }
    case MethodKey.queueDeclare:
      reader.skip(2)
      args.resource = shortText(reader)
      args.isNoWait = (reader.u8() & 16) !== 0
      break
    case MethodKey.queueDeclareOk:
      args.resource = shortText(reader)
      break
    case MethodKey.queueBind:
      reader.skip(2)
      args.resource = shortText(reader)
      reader.skip(reader.u8())
      reader.skip(reader.u8())
      args.isNoWait = (reader.u8() & 1) !== 0
      break
    case MethodKey.queueUnbind:
      reader.skip(2)
      args.resource = shortText(reader)
      break
    case MethodKey.queuePurge:
      reader.skip(2)
      args.resource = shortText(reader)
      args.isNoWait = (reader.u8() & 1) !== 0
      break
    case MethodKey.queueDelete:
      reader.skip(2)
      args.resource = shortText(reader)
      args.isNoWait = (reader.u8() & 4) !== 0
      break
    case MethodKey.consume:
      reader.skip(2)
      args.resource = shortText(reader)
      reader.skip(reader.u8())
      args.isNoWait = (reader.u8() & 8) !== 0
      break
    case MethodKey.cancel:
      reader.skip(reader.u8())
      args.isNoWait = (reader.u8() & 1) !== 0
      break
    case MethodKey.publish: {
      reader.skip(2)
      const exchange = shortText(reader)
      args.resource = route(exchange, shortText(reader))
      break
    }
    case MethodKey.return: {
      const code = reader.u16()
      args.text = shortText(reader)
      const exchange = shortText(reader)
      args.resource = route(exchange, shortText(reader))
      if (!reader.isShort) args.code = code
      break
    }
    case MethodKey.deliver: {
      reader.skip(reader.u8())
      reader.skip(9)
      const exchange = shortText(reader)
      args.resource = route(exchange, shortText(reader))
      break
    }
    case MethodKey.get:
      reader.skip(2)
      args.resource = shortText(reader)
      break
    case MethodKey.getOk: {
      reader.skip(9)
      const exchange = shortText(reader)
      args.resource = route(exchange, shortText(reader))
      break
    }
    case MethodKey.confirmSelect:
      args.isNoWait = (reader.u8() & 1) !== 0
      break
  }
}

/** What a close or a return says of success. */
export const describeReply = (message: L7Message, args: Arguments): void => {
  if (args.code === 0) return
  message.code = args.code
  message.status = replyStatus(args.code)
  if (message.status === ResponseStatus.ok) message.result = args.text
  else message.exception = args.text
}
