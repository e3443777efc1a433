// The filters of the request list, as the page's address holds them; the API knows them by the same names, an agent by number.

import { agentNumber } from "../../api/agentNumber.ts"
import type { QueryParams } from "../../api/client.ts"
import { points } from "../../parts/points.ts"

export const filterNames = [
  "q",
  "agent",
  "service",
  "client",
  "server",
  "protocol",
  "status",
  "point",
  "minUs",
] as const
export type FilterName = (typeof filterNames)[number]

export type Filters = Readonly<Record<FilterName, string>>

/** A damaged number in an address is no filter. */
export const readFilters = (params: URLSearchParams): Filters => {
  const all = Object.fromEntries(filterNames.map((name) => [name, params.get(name) ?? ""])) as Record<
    FilterName,
    string
  >
  return { ...all, minUs: /^\d{1,15}$/.test(all.minUs) ? all.minUs : "" }
}

/** Stored requests know their agent by number. */
export const asQuery = (filters: Filters): QueryParams =>
  filters.agent === "" ? filters : { ...filters, agent: agentNumber(filters.agent) }

export const isFiltered = (filters: Filters): boolean => Object.values(filters).some((value) => value !== "")

export const noFilters: Filters = readFilters(new URLSearchParams())

export type Choices = ReadonlyArray<readonly [value: string, text: string]>

const durations: Choices = [
  ["", "Any"],
  ["1000", "1 ms"],
  ["10000", "10 ms"],
  ["100000", "100 ms"],
  ["500000", "500 ms"],
  ["1000000", "1 s"],
  ["5000000", "5 s"],
]

/** A value that an address brought and the list does not have is a choice as well. */
export const durationChoices = (value: string, format: (us: number) => string): Choices =>
  durations.some(([known]) => known === value) ? durations : [...durations, [value, format(Number(value))]]

export const pointChoices: Choices = [
  ["", "All sides"],
  ...points.map(({ name, text }) => [name, text] as const),
]

/** Names of services to choose from: those on the page, and the one that is chosen. */
export const serviceChoices = (names: Iterable<string>, chosen: string): Choices => {
  const all = new Set(names)
  all.delete("")
  if (chosen !== "") all.add(chosen)
  return [["", "Any"], ...[...all].sort().map((name) => [name, name] as const)]
}
