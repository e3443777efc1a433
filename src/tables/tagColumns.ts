// The tags of a side as columns that cost nothing: each is looked up by the side's resource id when a query names it. Every table
// with a resource id has them all. Functions with the type in their name are used because the server checks tables made of them
// twice as fast.

import { vectorColumns } from "../tags/TagVector.ts"
import { resourceDictionary } from "./tagTables.ts"
import { column, type TableColumn } from "./Table.ts"

export interface TagSide {
  /** Of the columns: "_0" client, "_1" server, "" where a row has one side. */
  readonly suffix: "" | "_0" | "_1"
  /** "the client" */
  readonly who: string
  /** Whether the row has the side's address, and whether a port belongs to it: told by a condition where it varies. */
  readonly address?: { readonly withPort: boolean | string }
}

const dictionary = `${resourceDictionary.database}.${resourceDictionary.name}`

/** The look-up of one tag behind an expression that is a resource id. */
export const tagOf = (name: string, resourceId: string): string => {
  const type = vectorColumns.find((one) => one.name === name)?.type
  if (type === undefined) throw new Error(`there is no tag ${name}`)
  return `dictGet${type}('${dictionary}', '${name}', ${resourceId})`
}

const addressText = (suffix: string): string => `if(is_ipv4, toString(ip4${suffix}), toString(ip6${suffix}))`

const addressAndPort = (suffix: string): string =>
  `if(is_ipv4, concat(toString(ip4${suffix}), ':', toString(server_port)), ` +
  `concat('[', toString(ip6${suffix}), ']:', toString(server_port)))`

/** What stands for a service without a name. Services of one address are told apart by their port. */
const serviceText = (suffix: string, withPort: boolean | string): string => {
  if (withPort === true) return addressAndPort(suffix)
  if (withPort === false) return addressText(suffix)
  return `if(${withPort}, ${addressAndPort(suffix)}, ${addressText(suffix)})`
}

/** Other names of DeepFlow's for the same. */
const synonyms: Readonly<Record<string, string>> = {
  epc_id: "l3_epc_id",
  vpc_id: "l3_epc_id",
  pod_service_id: "service_id",
}

export const tagColumns = ({ address, suffix, who }: TagSide): ReadonlyArray<TableColumn> => {
  const family = `Tags of ${who}`
  const id = `resource_id${suffix}`
  const lookUp = (name: string): string => {
    const found = tagOf(name, id)
    if (address === undefined) return found
    if (name === "auto_instance") return `if(${found} = '', ${addressText(suffix)}, ${found})`
    if (name === "auto_service")
      return `if(${found} = '', ${serviceText(suffix, address.withPort)}, ${found})`
    return found
  }
  return [
    ...vectorColumns.map(({ comment, name, type }) =>
      column(`${name}${suffix}`, type, comment, { alias: lookUp(name), family }),
    ),
    ...Object.entries(synonyms).map(([name, of]) =>
      column(`${name}${suffix}`, "UInt32", `The same as \`${of}${suffix}\`.`, {
        alias: tagOf(of, id),
        family,
      }),
    ),
    ...(address === undefined
      ? []
      : [
          column(`ip${suffix}`, "String", `Address of ${who} as text.`, {
            alias: addressText(suffix),
            family,
          }),
        ]),
  ]
}

export const client: TagSide = { suffix: "_0", who: "the client", address: { withPort: false } }
export const server: TagSide = { suffix: "_1", who: "the server", address: { withPort: true } }

export const bothSides: ReadonlyArray<TableColumn> = [...tagColumns(client), ...tagColumns(server)]
