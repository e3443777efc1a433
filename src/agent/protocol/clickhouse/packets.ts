// Packets of ClickHouse's native protocol (Core/Protocol.h).

export const ClientPacket = {
  hello: 0,
  query: 1,
  data: 2,
  cancel: 3,
  ping: 4,
  tablesStatus: 5,
  keepAlive: 6,
  scalar: 7,
} as const

export const ServerPacket = {
  hello: 0,
  data: 1,
  exception: 2,
  progress: 3,
  pong: 4,
  endOfStream: 5,
  profileInfo: 6,
  totals: 7,
  extremes: 8,
  tablesStatus: 9,
  log: 10,
  tableColumns: 11,
  readTaskRequest: 13,
  profileEvents: 14,
  timezoneUpdate: 17,
} as const
