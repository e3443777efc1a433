// The filters of the list of traces, as the page's address holds them; the API knows them by the same names.

import type { QueryParams } from "../../api/client.ts"

export const filterNames = [
  "q",
  "service",
  "client",
  "server",
  "endpoint",
  "protocol",
  "status",
  "minUs",
  "maxUs",
  "tag",
] as const
export type FilterName = (typeof filterNames)[number]

export type Filters = Readonly<Record<FilterName, string>> & { readonly order: "" | "slowest" }

const wholeNumber = (text: string): string => (/^\d{1,15}$/.test(text) ? text : "")

/** A damaged number or tag in an address is no filter. */
export const readFilters = (params: URLSearchParams): Filters => {
  const all = Object.fromEntries(filterNames.map((name) => [name, params.get(name) ?? ""])) as Record<
    FilterName,
    string
  >
  return {
    ...all,
    minUs: wholeNumber(all.minUs),
    maxUs: wholeNumber(all.maxUs),
    tag: readTag(all.tag) === undefined ? "" : all.tag,
    order: params.get("order") === "slowest" ? "slowest" : "",
  }
}

/** Without the order, which is no filter. */
export const asQuery = ({ order: _order, ...filters }: Filters): QueryParams => filters

export const isFiltered = (filters: Filters): boolean => filterNames.some((name) => filters[name] !== "")

export interface Tag {
  readonly name: string
  readonly value: string
}

/** "pod=shop-1"; undefined: no such form. */
export const readTag = (text: string): Tag | undefined => {
  const mark = text.indexOf("=")
  const name = text.slice(0, mark).trim()
  const value = text.slice(mark + 1).trim()
  return mark < 0 || name === "" || value === "" ? undefined : { name, value }
}

const units: Readonly<Record<string, number>> = { us: 1, µs: 1, ms: 1_000, s: 1_000_000, min: 60_000_000 }

/** Microseconds of "250", "250 ms", "1.5s" (a bare number is milliseconds); undefined: no duration. */
export const readDuration = (text: string): number | undefined => {
  const found = /^(\d+(?:[.,]\d+)?)\s*(us|µs|ms|s|min)?$/i.exec(text.trim())
  if (found === null) return undefined
  const us = Number(found[1]!.replace(",", ".")) * (units[(found[2] ?? "ms").toLowerCase()] ?? 1_000)
  return us < 1e15 ? Math.round(us) : undefined
}

/** Whether a text names one trace: an id of a row or a trace id, which can be opened at once. */
export const isTraceId = (text: string): boolean =>
  /^\d{15,20}$/.test(text.trim()) || /^[0-9a-f]{16,32}$/i.test(text.trim())
