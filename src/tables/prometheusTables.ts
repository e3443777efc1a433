// prometheus.*: samples by series, which took half the space of Prometheus' own blocks, and what series are. A series is a metric, its
// labels and the tags of the resource it is of; changed tags make another series, so that old samples keep the tags of their time.

import {
  daily,
  fields,
  growing,
  keptTableSettings,
  resourceId,
  text,
  writtenTableSettings,
} from "./columnKinds.ts"
import type { Dictionary } from "./Dictionary.ts"
import { column, type Table } from "./Table.ts"
import { tagColumns } from "./tagColumns.ts"

const database = "prometheus"

export const prometheusMetric: Table = {
  database,
  name: "metric",
  comment: "Metrics by number, with what exporters say of them",
  engine: "ReplacingMergeTree(used)",
  orderBy: ["id"],
  retention: "tags",
  ageColumn: "used",
  placement: "everywhere",
  settings: keptTableSettings,
  columns: [
    column("id", "UInt32", "The metric; 0 is none."),
    column("name", "String", "Its name."),
    column("type", text, "counter, gauge, histogram, summary ..."),
    column("help", "String", "What it means."),
    column("unit", text, "Its unit."),
    column("used", "DateTime", "Day on which samples last carried it.", { default: "now()" }),
  ],
}

export const prometheusLabelName: Table = {
  database,
  name: "label_name",
  comment: "Names of labels by number",
  engine: "ReplacingMergeTree(used)",
  orderBy: ["id"],
  retention: "tags",
  ageColumn: "used",
  placement: "everywhere",
  settings: keptTableSettings,
  columns: [
    column("id", "UInt32", "The name; 0 is none."),
    column("name", "String", "It."),
    column("used", "DateTime", "Day on which samples last carried it.", { default: "now()" }),
  ],
}

export const prometheusSeries: Table = {
  database,
  name: "series",
  comment: "Series by number: metric, labels, tags",
  engine: "ReplacingMergeTree(used)",
  orderBy: ["metric_name", "id"],
  retention: "tags",
  ageColumn: "used",
  placement: "everywhere",
  settings: keptTableSettings,
  columns: [
    column("id", "UInt32", "The series; 0 is none."),
    column("metric_id", "UInt32", "The metric."),
    column("metric_name", text, "Name of the metric."),
    column("target_id", "UInt32", "What was scraped; 0: not known."),
    resourceId("", "what the series is of"),
    column("agent_id", "UInt16", "Agent it came through."),
    ...fields("label", "labels", "Array(LowCardinality(String))"),
    column("used", "DateTime", "Day on which samples last carried it.", { default: "now()" }),
  ],
}

const idKey = [{ name: "id", type: "UInt64" }]

export const seriesDictionary: Dictionary = {
  database,
  name: "series_map",
  comment: "Metric and tags by series",
  layout: "FLAT",
  mostKeys: 100_000_000,
  keys: idKey,
  attributes: [
    { name: "metric_id", type: "UInt32" },
    { name: "metric_name", type: "String" },
    { name: "target_id", type: "UInt32" },
    { name: "resource_id", type: "UInt32" },
    { name: "agent_id", type: "UInt16" },
  ],
  source: prometheusSeries,
}

/** DeepFlow's. */
export const metricNameDictionary: Dictionary = {
  database: "flow_tag",
  name: "prometheus_metric_name_map",
  comment: "Names of Prometheus metrics",
  layout: "FLAT",
  keys: idKey,
  attributes: [{ name: "name", type: "String" }],
  source: prometheusMetric,
}

export const labelNameDictionary: Dictionary = {
  database: "flow_tag",
  name: "prometheus_label_name_map",
  comment: "Names of Prometheus labels",
  layout: "FLAT",
  keys: idKey,
  attributes: [{ name: "name", type: "String" }],
  source: prometheusLabelName,
}

const ofSeries = (name: string, type: string, comment: string) =>
  column(name, type, comment, {
    alias: `dictGet${type}('prometheus.series_map', '${name}', series_id)`,
    family: "What the series tells",
  })

export const prometheusSamples: Table = {
  database,
  name: "samples",
  comment: "Values of series over time",
  engine: "MergeTree",
  partitionBy: daily,
  orderBy: ["series_id", "time"],
  retention: "prometheus",
  placement: { shardBy: "cityHash64(series_id)" },
  settings: writtenTableSettings,
  columns: [
    column("series_id", "UInt32", "The series: a row of `prometheus.series`.", { codec: growing }),
    column("time", "DateTime64(3)", "When.", { codec: growing }),
    column("value", "Float64", "What; stale marks included.", { codec: growing }),
    ofSeries("metric_id", "UInt32", "The metric."),
    ofSeries("metric_name", "String", "Name of the metric."),
    ofSeries("target_id", "UInt32", "What was scraped."),
    ofSeries("agent_id", "UInt16", "Agent it came through."),
    ofSeries("resource_id", "UInt32", "Tags of what the series is of."),
    ...tagColumns({ suffix: "", who: "what the series is of" }),
  ],
}
