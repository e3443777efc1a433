// The console's pages: address, name, key, and the part of the program that shows it, loaded when it is first needed.

import { type ComponentType, lazy } from "react"

interface Loaded {
  readonly default: ComponentType
}

const page = (load: () => Promise<Loaded>) => ({ Page: lazy(load), load })

const loadMap = () => import("../pages/map/MapPage.tsx").then(({ MapPage }) => ({ default: MapPage }))
const loadRequests = () =>
  import("../pages/requests/RequestsPage.tsx").then(({ RequestsPage }) => ({ default: RequestsPage }))
const loadRequest = () =>
  import("../pages/request/RequestPage.tsx").then(({ RequestPage }) => ({ default: RequestPage }))
const loadTraces = () =>
  import("../pages/traces/TracesPage.tsx").then(({ TracesPage }) => ({ default: TracesPage }))
const loadTrace = () =>
  import("../pages/trace/TracePage.tsx").then(({ TracePage }) => ({ default: TracePage }))
const loadProcesses = () =>
  import("../pages/processes/ProcessesPage.tsx").then(({ ProcessesPage }) => ({ default: ProcessesPage }))
const loadAgents = () =>
  import("../pages/agents/AgentsPage.tsx").then(({ AgentsPage }) => ({ default: AgentsPage }))
const loadServers = () =>
  import("../pages/servers/ServersPage.tsx").then(({ ServersPage }) => ({ default: ServersPage }))
const loadConfiguration = () =>
  import("../pages/configuration/ConfigurationPage.tsx").then(({ ConfigurationPage }) => ({
    default: ConfigurationPage,
  }))
const loadSystem = () =>
  import("../pages/system/SystemPage.tsx").then(({ SystemPage }) => ({ default: SystemPage }))

/** The pages of the navigation; `key` follows `g`. */
export const mainPages = [
  { path: "/", name: "Map", key: "m", ...page(loadMap) },
  { path: "/requests", name: "Requests", key: "r", ...page(loadRequests) },
  { path: "/traces", name: "Traces", key: "t", ...page(loadTraces) },
  { path: "/processes", name: "Processes", key: "p", ...page(loadProcesses) },
  { path: "/agents", name: "Agents", key: "a", ...page(loadAgents) },
  { path: "/servers", name: "Servers", key: "v", ...page(loadServers) },
  { path: "/configuration", name: "Configuration", key: "c", ...page(loadConfiguration) },
  { path: "/system", name: "System", key: "s", ...page(loadSystem) },
]

/** Pages of one thing each, below the list of such things. */
const detailPages = [
  { path: /^\/requests\/[0-9]+$/, name: "Request", ...page(loadRequest) },
  { path: /^\/traces\/[^/]+$/, name: "Trace", ...page(loadTrace) },
]

export const pageAt = (path: string) =>
  mainPages.find((each) => each.path === path) ?? detailPages.find((each) => each.path.test(path))

/** Fetches the pages that are not shown yet, so that going there is at once. */
export const loadOtherPages = (): void => {
  for (const each of [...mainPages, ...detailPages]) each.load().catch(() => undefined)
}
