// The parameters of a request (CGI's meta-variables, RFC 3875, and the client's headers as HTTP_*) in the terms of messages.
// Values of cookies and credentials are never looked at.

import type { L7Message } from "../../../model/L7Session.ts"
import { ByteReader } from "../framed/ByteReader.ts"
import { endpointOf, hostOf, maskQuery } from "../http1/target.ts"
import { latin1Text, utf8Text } from "../latin1.ts"
import { maxTraceName, readTraceField } from "../traceField.ts"

const maxName = 64
const maxValue = 4096
const maxParameters = 256
const headerPrefix = "HTTP_"

const reader = new ByteReader()

/** One byte, or four when the highest bit of the first is set. */
const readLength = (): number => {
  const first = reader.u8()
  if (first < 0x80) return first
  return (first & 0x7f) * 2 ** 24 + reader.u8() * 2 ** 16 + reader.u16()
}

/** What the target and the domain are made of. */
interface Target {
  uri: string
  script: string
  query: string
  host: string
  serverName: string
}

/** Reads bytes[0, end), of which the last parameter may be cut. */
export const readParameters = (
  bytes: Uint8Array,
  end: number,
  message: L7Message,
  keepSegments: number,
): void => {
  const target: Target = { uri: "", script: "", query: "", host: "", serverName: "" }
  let rank = 0
  reader.reset(bytes, 0, end)
  for (let i = 0; i < maxParameters && reader.left > 1; i++) {
    const nameLength = readLength()
    const valueLength = readLength()
    const nameAt = reader.at
    reader.skip(nameLength)
    if (reader.isShort) break
    const valueAt = reader.at
    reader.at = Math.min(valueAt + valueLength, end)
    if (nameLength > maxName || reader.at === valueAt) continue
    const name = latin1Text(bytes, nameAt, valueAt)
    if (!name.startsWith(headerPrefix)) {
      readVariable(name, utf8Text(bytes, valueAt, Math.min(reader.at, valueAt + maxValue)), message, target)
      continue
    }
    const header = name.slice(headerPrefix.length)
    if (header === "COOKIE" || header === "AUTHORIZATION" || header === "PROXY_AUTHORIZATION") continue
    const value = utf8Text(bytes, valueAt, Math.min(reader.at, valueAt + maxValue))
    if (header === "HOST") target.host = value
    else if (header === "USER_AGENT") message.userAgent = value
    else if (header === "REFERER") message.referer = maskQuery(value)
    else if (header === "X_FORWARDED_FOR") message.proxyClient = value.split(",", 1)[0].trim()
    else if (header.length <= maxTraceName)
      rank = readTraceField(header.toLowerCase().replaceAll("_", "-"), value, message, rank)
  }
  const { host, query, script, serverName, uri } = target
  message.requestDomain = hostOf(host === "" ? serverName : host)
  const resource = uri === "" && script !== "" && query !== "" ? `${script}?${query}` : uri || script
  message.requestResource = maskQuery(resource)
  message.endpoint = endpointOf(message.requestResource, keepSegments)
}

const readVariable = (name: string, value: string, message: L7Message, target: Target): void => {
  switch (name) {
    case "REQUEST_METHOD": {
      message.requestType = value
      return
    }
    case "REQUEST_URI": {
      target.uri = value
      return
    }
    case "SCRIPT_NAME": {
      target.script = value
      return
    }
    case "QUERY_STRING": {
      target.query = value
      return
    }
    case "SERVER_NAME": {
      target.serverName = value
      return
    }
    case "SCRIPT_FILENAME": {
      message.attributes = ["script_filename", value]
      return
    }
    default:
  }
}
