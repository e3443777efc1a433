// The commands of MySQL and MariaDB: their names, and what their answer is like.

export const Command = {
  quit: 0x01,
  initDb: 0x02,
  query: 0x03,
  fieldList: 0x04,
  createDb: 0x05,
  dropDb: 0x06,
  statistics: 0x09,
  changeUser: 0x11,
  binlogDump: 0x12,
  prepare: 0x16,
  execute: 0x17,
  sendLongData: 0x18,
  close: 0x19,
  resetStatement: 0x1a,
  setOption: 0x1b,
  fetch: 0x1c,
  binlogDumpGtid: 0x1e,
  /** MariaDB. */
  bulkExecute: 0xfa,
  /** Not on the wire: the login. */
  login: 0x100,
  /** Not on the wire: a command that was not seen. */
  unknown: 0x101,
} as const

const named: Readonly<Record<number, string>> = {
  0x01: "COM_QUIT",
  0x02: "COM_INIT_DB",
  0x03: "COM_QUERY",
  0x04: "COM_FIELD_LIST",
  0x05: "COM_CREATE_DB",
  0x06: "COM_DROP_DB",
  0x07: "COM_REFRESH",
  0x08: "COM_SHUTDOWN",
  0x09: "COM_STATISTICS",
  0x0a: "COM_PROCESS_INFO",
  0x0c: "COM_PROCESS_KILL",
  0x0d: "COM_DEBUG",
  0x0e: "COM_PING",
  0x11: "COM_CHANGE_USER",
  0x12: "COM_BINLOG_DUMP",
  0x13: "COM_TABLE_DUMP",
  0x15: "COM_REGISTER_SLAVE",
  0x16: "COM_STMT_PREPARE",
  0x17: "COM_STMT_EXECUTE",
  0x18: "COM_STMT_SEND_LONG_DATA",
  0x19: "COM_STMT_CLOSE",
  0x1a: "COM_STMT_RESET",
  0x1b: "COM_SET_OPTION",
  0x1c: "COM_STMT_FETCH",
  0x1e: "COM_BINLOG_DUMP_GTID",
  0x1f: "COM_RESET_CONNECTION",
  0x20: "COM_CLONE",
  0xfa: "COM_STMT_BULK_EXECUTE",
}

/** By code, without holes: they would make each look a search. */
const names = Array.from({ length: 256 }, (_, code) => named[code])

export const commandName = (code: number): string | undefined => names[code]

/** Commands that the server does not answer. */
export const isUnanswered = (code: number): boolean =>
  code === Command.quit || code === Command.sendLongData || code === Command.close

/** Commands whose payload is a text. */
export const isText = (code: number): boolean =>
  code === Command.query ||
  code === Command.prepare ||
  code === Command.initDb ||
  code === Command.createDb ||
  code === Command.dropDb

/** Bytes of the payload of commands that always have the same. */
const lengths: Record<number, number> = {
  0x01: 1,
  0x09: 1,
  0x0a: 1,
  0x0c: 5,
  0x0d: 1,
  0x0e: 1,
  0x19: 5,
  0x1a: 5,
  0x1b: 3,
  0x1c: 9,
  0x1f: 1,
}

/** Whether a payload of `length` bytes can be this command. */
export const fitsCommand = (code: number, length: number): boolean => {
  const fixed = lengths[code]
  if (fixed !== undefined) return length === fixed
  return code === Command.execute || code === Command.bulkExecute ? length >= 7 : length > 1
}
