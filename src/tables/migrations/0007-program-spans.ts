// What only programs tell of their spans was always empty and computed; agents hand it on now.

import { storedTable } from "../cluster.ts"
import { l7FlowLog } from "../l7FlowLog.ts"
import { modifyColumn } from "../Table.ts"
import type { Migration } from "./Migration.ts"

const filled = ["span_kind", "app_service", "app_instance", "events"]

export const programSpans: Migration = {
  version: 7,
  name: "spans of programs",
  stages: ({ cluster }) => [
    filled.map((name) => modifyColumn(storedTable(l7FlowLog, cluster), name)),
    cluster === undefined ? [] : filled.map((name) => modifyColumn(l7FlowLog, name, { hasCodecs: false })),
  ],
}
