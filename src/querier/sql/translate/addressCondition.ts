// Conditions on the addresses of rows, given as text: compared as numbers where the text is an address, so that no text is made of
// each row's own.

import { isIP } from "node:net"
import { SqlProblem } from "../syntax/SqlProblem.ts"
import { textLiteral } from "../syntax/print.ts"
import type { Condition, Literal } from "./Condition.ts"
import { sideOrFail, type TagUse } from "./TagUse.ts"
import { addressHasPort, rowValue, standInAddress } from "./tagValue.ts"

const numberOf = (ip: string): number => ip.split(".").reduce((sum, part) => sum * 256 + Number(part), 0)

const textOf = (number: number): string =>
  [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join(".")

const ipv4Is = (use: TagUse, test: string): string =>
  `(${use.column("is_ipv4")} = 1 AND ${use.column(`ip4${sideOrFail(use)}`)} ${test})`

const range = (use: TagUse, ip: string, bits: string): string | undefined => {
  const isV6 = isIP(ip) === 6
  if (isIP(ip) === 0 || !/^\d{1,3}$/.test(bits) || Number(bits) > (isV6 ? 128 : 32)) return undefined
  if (isV6) {
    const column = use.column(`ip6${sideOrFail(use)}`)
    return (
      `(${use.column("is_ipv4")} = 0 AND ` +
      `isIPAddressInRange(IPv6NumToString(${column}), ${textLiteral(`${ip}/${Number(bits)}`)}))`
    )
  }
  const size = 2 ** (32 - Number(bits))
  const first = Math.floor(numberOf(ip) / size) * size
  return ipv4Is(use, `BETWEEN toIPv4('${textOf(first)}') AND toIPv4('${textOf(first + size - 1)}')`)
}

const addressIs = (use: TagUse, { value }: Literal): string => {
  const text = String(value)
  const [ip = "", bits] = text.split("/")
  if (bits === undefined && isIP(text) === 4) return ipv4Is(use, `= toIPv4('${text}')`)
  if (bits === undefined && isIP(text) === 6 && !text.includes("%")) {
    return `(${use.column("is_ipv4")} = 0 AND ${use.column(`ip6${sideOrFail(use)}`)} = toIPv6(${textLiteral(text)}))`
  }
  const inRange = bits === undefined ? undefined : range(use, ip, bits)
  if (inRange !== undefined) return inRange
  throw new SqlProblem(
    use.at,
    `${use.text} is compared with ${JSON.stringify(text.slice(0, 60))}: expected an address or a range such as 10.0.0.0/8`,
  )
}

/** `ip_0 = '10.0.0.1'`, `ip_0 IN ('10.0.0.0/8', '::1')`; patterns go over the text. */
export const addressFilter = (use: TagUse, condition: Condition): string => {
  if (condition.kind === "other")
    return condition.negated ? condition.not(rowValue(use)) : condition.on(rowValue(use))
  const any = condition.literals.map((literal) => addressIs(use, literal)).join(" OR ")
  const whole = condition.literals.length === 1 ? any : `(${any})`
  return condition.negated ? `not(${whole})` : whole
}

/** Only the written form that ClickHouse prints can equal what it prints. */
const canonicalIpv4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|(?=$|:))){4}(?::([1-9]\d{0,4}|0))?$/

const standInIs = (use: TagUse, { source, value }: Literal): string | undefined => {
  const text = String(value)
  const ipv4 = canonicalIpv4.exec(text)
  if (ipv4 !== null) {
    const port = ipv4[1]
    const hasPort = addressHasPort(use)
    if (hasPort !== "byRole" && hasPort !== (port !== undefined)) return undefined
    const role = hasPort === "byRole" ? ` AND ${use.column("role")} ${port === undefined ? "!=" : "="} 1` : ""
    const ip = `${use.column("is_ipv4")} = 1 AND ${use.column(`ip4${sideOrFail(use)}`)} = toIPv4('${text.split(":")[0]}')`
    return `(${ip}${role}${port === undefined ? "" : ` AND ${use.column("server_port")} = ${port}`})`
  }
  return /^\[?[0-9a-f.:]*:[0-9a-f.:]*(?:\]:\d{1,5})?$/.test(text)
    ? `${standInAddress(use)} = ${source}`
    : undefined
}

/** The condition on the address that stands for the name of an `auto_` tag; undefined: no address meets it. */
export const standInFilter = (use: TagUse, condition: Condition): string | undefined => {
  if (condition.kind === "other") return condition.on(standInAddress(use))
  const met = condition.literals.flatMap((literal) => standInIs(use, literal) ?? [])
  if (met.length === 0) return undefined
  return met.length === 1 ? met[0] : `(${met.join(" OR ")})`
}
