// The value of a tag as ClickHouse SQL: for each row, as keys to group by, and for each group. Grouping goes by numbers; the name
// of a group is looked up once for the group, by its newest resource id.

import {
  customTagDictionary,
  customTagTable,
  resourceDictionary,
  resourceTable,
} from "../../../tables/tagTables.ts"
import { isTextTag, type UniversalTag } from "../../../tags/universalTags.ts"
import { textLiteral } from "../syntax/print.ts"
import { sideOrFail, type TagUse } from "./TagUse.ts"

interface Named {
  readonly database: string
  readonly name: string
}

const plainName = ({ database, name }: Named): string => `${database}.${name}`

export const resources = plainName(resourceTable)
export const customTags = plainName(customTagTable)

const dictionaryName = (dictionary: Named): string => textLiteral(plainName(dictionary))

const ofResource = (attribute: string, id: string): string =>
  `dictGet(${dictionaryName(resourceDictionary)}, ${textLiteral(attribute)}, toUInt64(${id}))`

export const resourceId = (use: TagUse): string => use.column(`resource_id${sideOrFail(use)}`)

const universalValue = (tag: UniversalTag, id: string): string => {
  const value = ofResource(tag.column, id)
  if (tag.deviceType === undefined) return value
  const otherwise = isTextTag(tag) ? "''" : "0"
  return `if(${ofResource("l3_device_type", id)} = ${tag.deviceType}, ${value}, ${otherwise})`
}

type Column = TagUse["column"]

const addressText = (column: Column, side: string): string =>
  `if(${column("is_ipv4")}, toString(${column(`ip4${side}`)}), toString(${column(`ip6${side}`)}))`

const addressAndPort = (column: Column, side: string): string =>
  `if(${column("is_ipv4")}, concat(toString(${column(`ip4${side}`)}), ':', toString(${column("server_port")})), ` +
  `concat('[', toString(${column(`ip6${side}`)}), ']:', toString(${column("server_port")})))`

/** Whether the port belongs to the address that stands for a name: a server's does, a client's does not. */
export const addressHasPort = (use: TagUse): boolean | "byRole" => {
  const isInstance = use.tag.kind === "universal" && use.tag.tag.column === "auto_instance"
  if (isInstance) return false
  const side = sideOrFail(use)
  if (side !== "") return side === "_1"
  return use.table.stored.has("role") && use.table.stored.has("server_port") ? "byRole" : false
}

/** Rows of the table have the address of the side. */
export const hasAddress = (use: TagUse): boolean =>
  use.tag.kind === "universal" &&
  use.tag.tag.hasAddress &&
  use.table.stored.has("is_ipv4") &&
  use.table.stored.has(`ip4${sideOrFail(use)}`)

/** What stands for the name of a side that no resource owns. */
export const standInAddress = (use: TagUse, column: Column = use.column): string => {
  const side = sideOrFail(use)
  const hasPort = addressHasPort(use)
  if (hasPort === "byRole") {
    return `if(${column("role")} = 1, ${addressAndPort(column, side)}, ${addressText(column, side)})`
  }
  return hasPort ? addressAndPort(column, side) : addressText(column, side)
}

/** The value of a row. */
export const rowValue = (use: TagUse): string => {
  const { tag } = use
  switch (tag.kind) {
    case "universal": {
      const name = universalValue(tag.tag, resourceId(use))
      return hasAddress(use) ? `if(${name} = '', ${standInAddress(use)}, ${name})` : name
    }
    case "custom":
      return (
        `dictGet(${dictionaryName(customTagDictionary)}, 'value', ` +
        `(toUInt64(${ofResource("tag_set_id", resourceId(use))}), ${textLiteral(tag.key)}))`
      )
    case "field":
      return `${use.column(tag.values)}[indexOf(${use.column(tag.names)}, ${textLiteral(tag.key)})]`
    case "address":
      return addressText(use.column, sideOrFail(use))
    case "traceId":
    case "older":
      return use.column(tag.column)
  }
}

const addressColumns = (use: TagUse): ReadonlyArray<string> => {
  const side = sideOrFail(use)
  return ["is_ipv4", `ip4${side}`, `ip6${side}`]
}

const emptyOf = (column: string): string =>
  column.startsWith("ip4") ? "toIPv4('0.0.0.0')" : column.startsWith("ip6") ? "toIPv6('::')" : "0"

/** Keys that tell the addresses apart that stand for names; the same for all rows that have a name. */
const standInKeys = (use: TagUse, isAddress: string): ReadonlyArray<string> => {
  const keys = addressColumns(use).map((name) => `if(${isAddress}, ${use.column(name)}, ${emptyOf(name)})`)
  const port = use.column("server_port")
  switch (addressHasPort(use)) {
    case false:
      return keys
    case true:
      return [...keys, `if(${isAddress}, ${port}, 0)`]
    case "byRole": {
      const role = use.column("role")
      return [...keys, `if(${isAddress}, ${role}, 0)`, `if(${isAddress} AND ${role} = 1, ${port}, 0)`]
    }
  }
}

/** What rows of one value have in common and others do not. */
export const groupKeys = (use: TagUse): ReadonlyArray<string> => {
  const { tag } = use
  if (tag.kind === "address") return addressColumns(use).map(use.column)
  if (tag.kind !== "universal" || tag.tag.ids.length === 0) return [rowValue(use)]
  const id = resourceId(use)
  if (tag.tag.deviceType !== undefined) {
    return [
      `if(${ofResource("l3_device_type", id)} = ${tag.tag.deviceType}, ${ofResource("l3_device_id", id)}, 0)`,
    ]
  }
  const keys = tag.tag.ids.map((attribute) => ofResource(attribute, id))
  return hasAddress(use) ? [...keys, ...standInKeys(use, `${keys[0]} IN (0, 255)`)] : keys
}

/** The value of a group that was made by `groupKeys`. */
export const groupValue = (use: TagUse): string => {
  const { tag } = use
  if (tag.kind !== "universal" || tag.tag.ids.length === 0 || !isTextTag(tag.tag)) return rowValue(use)
  const name = universalValue(tag.tag, `max(${resourceId(use)})`)
  if (!hasAddress(use)) return name
  const address = standInAddress(use, (column) => `any(${use.column(column)})`)
  return `if(${name} = '', ${address}, ${name})`
}
