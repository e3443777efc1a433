// event.*: what happened to resources, files and processes. Column names are DeepFlow's.

import {
  addresses,
  agentId,
  daily,
  fields,
  resourceId,
  rowId,
  small,
  startAndEnd,
  teamId,
  text,
  timeColumn,
  writtenTableSettings,
} from "./columnKinds.ts"
import type { RetentionClass } from "./retention.ts"
import { column, type Table, type TableColumn } from "./Table.ts"
import { tagColumns } from "./tagColumns.ts"

const number = (name: string, comment: string): TableColumn =>
  column(name, "UInt32", comment, { codec: small })

const subject: ReadonlyArray<TableColumn> = [
  timeColumn("Second in which it ended."),
  rowId,
  ...startAndEnd("Begin.", "End."),
  resourceId("", "what it happened to"),
  agentId,
  column("signal_source", "UInt8", "1: resource; 2: input and output; 3: process; 4: Kubernetes."),
  column("event_type", text, "What kind of event."),
  column("event_desc", "String", "What happened, in words."),
  column("tagged", "UInt8", "Tags were found for it."),
  column("is_ipv4", "UInt8", "Which of the address columns holds."),
  ...addresses("", "what it happened to"),
  column("app_instance", text, "Instance as the application names itself."),
  teamId,
  ...fields("attribute", "further fields"),
]

const names = tagColumns({ suffix: "", who: "what it happened to", address: { withPort: false } })

const eventTable = (
  name: string,
  comment: string,
  retention: RetentionClass,
  columns: ReadonlyArray<TableColumn> = [],
): Table => ({
  database: "event",
  name,
  comment,
  engine: "MergeTree",
  partitionBy: daily,
  orderBy: ["time", "signal_source", "event_type", "resource_id"],
  retention,
  placement: { shardBy: "cityHash64(resource_id)" },
  settings: writtenTableSettings,
  // A tag that the table has a column for is that column.
  columns: [...subject, ...columns, ...names.filter(({ name }) => !columns.some((one) => one.name === name))],
})

const call: ReadonlyArray<TableColumn> = [
  number("syscall_thread", "Thread of the system call."),
  column(
    "syscall_coroutine",
    "UInt64",
    "Goroutine (its address) or Task of asyncio (its number) that made the system call; 0: none is known.",
    { codec: small },
  ),
]

const file: ReadonlyArray<TableColumn> = [
  number("process_id", "Process."),
  column("bytes", "UInt64", "Bytes read or written.", { codec: small }),
  column("duration", "UInt64", "Microseconds from its first wait to its end.", { codec: small }),
  column("file_name", "String", "Name of the file."),
  column("file_dir", "String", "Directory of the file."),
  column("file_type", "UInt8", "Kind of file."),
  column("offset", "UInt64", "Where in the file.", { codec: small }),
  column("mount_source", text, "What is mounted."),
  column("mount_point", text, "Where it is mounted."),
  number("access_permission", "Mode bits of the file."),
  ...call,
]

const rootPid = number("root_pid", "First process of the container.")

export const event = eventTable("event", "Changes of resources, processes and Kubernetes' events", "event")

export const fileEvent = eventTable("file_event", "Reads and writes of files", "fileEvent", [
  ...file,
  column(
    "syscall_trace_id",
    "UInt64",
    "Served request it was for: the `syscall_trace_id_request` of its rows; 0: not known.",
  ),
])

export const fileAggEvent = eventTable("file_agg_event", "Reads and writes of files, summed", "fileEvent", [
  ...file,
  rootPid,
  number("event_count", "Events in the sum."),
  column("duration_max", "UInt64", "Microseconds of the longest."),
])

export const fileMgmtEvent = eventTable(
  "file_mgmt_event",
  "Changes of files' names, owners, modes",
  "fileEvent",
  [
    ...file,
    rootPid,
    number("target_uid", "New owner."),
    number("target_gid", "New group."),
    number("target_mode", "New mode bits."),
  ],
)

export const procPermEvent = eventTable(
  "proc_perm_event",
  "Changes of processes' users and groups",
  "event",
  [
    number("pid", "Process."),
    rootPid,
    number("old_uid", "User before."),
    number("old_gid", "Group before."),
    number("new_uid", "User after."),
    number("new_gid", "Group after."),
    ...call,
  ],
)

export const procOpsEvent = eventTable("proc_ops_event", "Starts and ends of processes", "event", [
  number("pid", "Process."),
  // Programs that live for a moment are many: their names are no tags, which are kept for long.
  column("process_kname", text, "Kernel's command name."),
  number("parent_pid", "Parent process."),
  rootPid,
  number("uid", "User."),
  number("gid", "Group."),
  column("cmdline", "String", "Command line."),
  column("exec_path", "String", "Program."),
  ...call,
  column("exit_code", "Nullable(Int32)", "What a process that ended by itself answered."),
  column("exit_signal", "UInt8", "Signal that ended it; 0: none."),
])
