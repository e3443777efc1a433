// ClickHouse's error codes by what to do about them. Numbers and names: `system.errors`.

/** The server is busy, starting, stopping, full, or asks for an operator: what was sent may be right. */
const retriableCodes = new Set([
  3, // UNEXPECTED_END_OF_FILE
  60, // UNKNOWN_TABLE
  74, // CANNOT_READ_FROM_FILE_DESCRIPTOR
  75, // CANNOT_WRITE_TO_FILE_DESCRIPTOR
  76, // CANNOT_OPEN_FILE
  81, // UNKNOWN_DATABASE
  95, // CANNOT_READ_FROM_SOCKET
  96, // CANNOT_WRITE_TO_SOCKET
  159, // TIMEOUT_EXCEEDED
  160, // TOO_SLOW
  164, // READONLY
  173, // CANNOT_ALLOCATE_MEMORY
  192, // UNKNOWN_USER
  193, // WRONG_PASSWORD
  194, // REQUIRED_PASSWORD
  198, // DNS_ERROR
  202, // TOO_MANY_SIMULTANEOUS_QUERIES
  203, // NO_FREE_CONNECTION
  209, // SOCKET_TIMEOUT
  210, // NETWORK_ERROR
  236, // ABORTED
  241, // MEMORY_LIMIT_EXCEEDED
  242, // TABLE_IS_READ_ONLY
  243, // NOT_ENOUGH_SPACE
  252, // TOO_MANY_PARTS
  279, // ALL_CONNECTION_TRIES_FAILED
  285, // TOO_FEW_LIVE_REPLICAS
  319, // UNKNOWN_STATUS_OF_INSERT
  394, // QUERY_WAS_CANCELLED
  425, // SYSTEM_ERROR
  439, // CANNOT_SCHEDULE_TASK
  497, // ACCESS_DENIED
  499, // S3_ERROR
  516, // AUTHENTICATION_FAILED
  999, // KEEPER_EXCEPTION
  1001, // STD_EXCEPTION: file system errors come under this name
])

export const isDiskFull = (code: number, message: string): boolean =>
  code === 243 || message.includes("No space left on device") || message.includes("Cannot reserve")

/** A block whose times are spread over too many partitions: that code also means that merges lag behind, which passes. */
const isSpread = (code: number, message: string): boolean =>
  code === 252 && message.includes("partitions for single INSERT")

export const isRetriable = (code: number, message: string): boolean =>
  (retriableCodes.has(code) && !isSpread(code, message)) || isDiskFull(code, message)
