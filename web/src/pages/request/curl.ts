// A request as a command that makes it again. Pure.

import type { RequestRow } from "../../api/contract.ts"
import { endAddress } from "../../parts/ends.ts"

const quoted = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`

/** Undefined for what curl does not speak, and where nobody knows whom it would have to ask. Bodies are not kept, so a request that had one is made without. */
export const curlOf = (row: RequestRow): string | undefined => {
  if (row.protocol !== "HTTP" || !row.resource.startsWith("/") || row.serverIp === "") return undefined
  const address = endAddress(row.serverIp, row.serverPort)
  const parts = ["curl", "--include"]
  if (row.type === "HEAD") parts.push("--head")
  else if (row.type !== "" && row.type !== "GET") parts.push("--request", quoted(row.type))
  if (row.domain !== "" && row.domain !== address) parts.push("--header", quoted(`Host: ${row.domain}`))
  return [...parts, quoted(`http://${address}${row.resource}`)].join(" ")
}
