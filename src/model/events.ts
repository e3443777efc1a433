// What happens to files and processes, by number on the wire and by name in the tables (DeepFlow's names where it has one).

export const FileOperation = { read: 1, write: 2, sync: 3, open: 4 } as const
export type FileOperation = (typeof FileOperation)[keyof typeof FileOperation]

export const ProcessChange = { exec: 1, exit: 2, oomKill: 3 } as const
export type ProcessChange = (typeof ProcessChange)[keyof typeof ProcessChange]

const operationNames = ["", "read", "write", "sync", "open"]
const changeNames = ["", "exec", "exit", "oom_kill"]

/** `event_type` of a row; of what this version does not know, "unknown". */
export const fileOperationName = (operation: number): string => operationNames[operation] || "unknown"
export const processChangeName = (change: number): string => changeNames[change] || "unknown"

/** `file_type`. */
export const FileType = { regular: 1, virtual: 2, network: 3 } as const

/** `signal_source` of the event tables. */
export const EventSource = { resource: 1, io: 2, process: 3, kubernetes: 4 } as const
