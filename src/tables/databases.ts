// Every table, dictionary and view there is, by database.

import { agentMetrics, extMetrics, serverMetrics } from "./virtualTables.ts"
import { alertEvent, alertRecord } from "./alertTables.ts"
import { applicationLog } from "./applicationLog.ts"
import { application, applicationMap } from "./applicationMetrics.ts"
import type { Dictionary } from "./Dictionary.ts"
import { enumDictionaries, enumerationTable } from "./enumerations.ts"
import { event, fileAggEvent, fileEvent, fileMgmtEvent, procOpsEvent, procPermEvent } from "./eventTables.ts"
import { fieldTables } from "./fieldTables.ts"
import { l4FlowLog } from "./l4FlowLog.ts"
import { l7FlowLog } from "./l7FlowLog.ts"
import { labelDictionaries } from "./labelDictionaries.ts"
import type { MaterializedView } from "./MaterializedView.ts"
import type { MetricTables } from "./metricTables.ts"
import { network, networkMap, trafficPolicy } from "./networkMetrics.ts"
import { l4Packet, l7Packet } from "./packetTables.ts"
import {
  frameDictionary,
  inProcess,
  nodeDictionary,
  profileFrame,
  profileNode,
  profileStack,
  stackDictionary,
} from "./profileTables.ts"
import {
  labelNameDictionary,
  metricNameDictionary,
  prometheusLabelName,
  prometheusMetric,
  prometheusSamples,
  prometheusSeries,
  seriesDictionary,
} from "./prometheusTables.ts"
import { recordDictionaries } from "./recordDictionaries.ts"
import { deadLetterTable, migrationsTable, packagePartTable, stateTable } from "./sondeTables.ts"
import { spanIndex, spanIndexView } from "./spanIndex.ts"
import type { Table } from "./Table.ts"
import {
  customTagDictionary,
  customTagTable,
  recordTable,
  resourceDictionary,
  resourceTable,
} from "./tagTables.ts"

export interface Database {
  readonly name: string
  readonly comment: string
  readonly tables: ReadonlyArray<Table>
  readonly dictionaries?: ReadonlyArray<Dictionary>
  readonly views?: ReadonlyArray<MaterializedView>
}

const metricFamilies: ReadonlyArray<MetricTables> = [application, applicationMap, network, networkMap]

export const databases: ReadonlyArray<Database> = [
  {
    name: "sonde",
    comment: "What Sonde keeps for itself.",
    tables: [migrationsTable, stateTable, deadLetterTable, packagePartTable],
  },
  {
    name: "flow_tag",
    comment: "What the integers of rows mean.",
    tables: [recordTable, resourceTable, customTagTable, enumerationTable, ...fieldTables],
    dictionaries: [
      resourceDictionary,
      customTagDictionary,
      ...recordDictionaries,
      ...labelDictionaries,
      ...enumDictionaries,
      metricNameDictionary,
      labelNameDictionary,
    ],
  },
  {
    name: "flow_log",
    comment: "Single requests and connections.",
    tables: [l7FlowLog, l4FlowLog, l4Packet, l7Packet, spanIndex],
    views: [spanIndexView],
  },
  {
    name: "flow_metrics",
    comment: "Counts over time.",
    tables: [
      ...metricFamilies.flatMap(({ days, hours, minutes, seconds }) => [seconds, minutes, hours, days]),
      trafficPolicy,
    ],
    views: metricFamilies.flatMap(({ views }) => views),
  },
  {
    name: "event",
    comment: "What happened.",
    tables: [
      event,
      fileEvent,
      fileAggEvent,
      fileMgmtEvent,
      procPermEvent,
      procOpsEvent,
      alertRecord,
      alertEvent,
    ],
  },
  {
    name: "profile",
    comment: "What programs were doing.",
    tables: [profileFrame, profileNode, profileStack, inProcess],
    dictionaries: [frameDictionary, nodeDictionary, stackDictionary],
  },
  {
    name: "prometheus",
    comment: "Samples in Prometheus' form.",
    tables: [prometheusMetric, prometheusLabelName, prometheusSeries, prometheusSamples],
    dictionaries: [seriesDictionary],
  },
  { name: "ext_metrics", comment: "Metrics of other programs.", tables: [extMetrics] },
  { name: "deepflow_admin", comment: "Metrics of Sonde's servers.", tables: [serverMetrics] },
  { name: "deepflow_tenant", comment: "Metrics of Sonde's agents.", tables: [agentMetrics] },
  { name: "application_log", comment: "Log lines of programs.", tables: [applicationLog] },
]

export const allTables: ReadonlyArray<Table> = databases.flatMap(({ tables }) => tables)
export const allDictionaries: ReadonlyArray<Dictionary> = databases.flatMap(
  ({ dictionaries }) => dictionaries ?? [],
)
export const allViews: ReadonlyArray<MaterializedView> = databases.flatMap(({ views }) => views ?? [])
