// Revisions of ClickHouse's native protocol with which a field came into its packets (Core/ProtocolDefines.h).

export const Revision = {
  totalRowsInProgress: 51_554,
  blockInfo: 51_903,
  clientInfo: 54_032,
  serverTimezone: 54_058,
  quotaKey: 54_060,
  displayName: 54_372,
  versionPatch: 54_401,
  writeInfo: 54_420,
  settingsAsStrings: 54_429,
  interserverSecret: 54_441,
  openTelemetry: 54_442,
  forwardedFor: 54_443,
  referer: 54_447,
  distributedDepth: 54_448,
  startTime: 54_449,
  parallelReplicas: 54_453,
  customSerialization: 54_454,
  addendum: 54_458,
  parameters: 54_459,
  elapsed: 54_460,
  passwordRules: 54_461,
  nonce: 54_462,
  totalBytesInProgress: 54_463,
  readOnlyCheck: 54_467,
  rowsBeforeAggregation: 54_469,
  chunked: 54_470,
  replicasVersion: 54_471,
  externalRoles: 54_472,
  serverSettings: 54_474,
  lineNumbers: 54_475,
  jwt: 54_476,
  queryPlan: 54_477,
  clusterFunctions: 54_479,
  compressedEvents: 54_481,
  clientAgent: 54_485,
  internalQuery: 54_486,
  currentRoles: 54_488,
  stringSizes: 54_492,
} as const

/** The least and the most that a revision is. */
export const minRevision = 50_000
export const maxRevision = 60_000

/** Of connections that were joined later, until a query tells its client's. */
export const assumedRevision = Revision.rowsBeforeAggregation - 1
