// What the region remembers of an agent's certificate: `enrolled/ID` in the store. By it a request that comes again is known, and a
// certificate is renewed only for an agent that was not deleted.

import * as Schema from "effect/Schema"

export const EnrolmentRecord = Schema.Struct({
  agent: Schema.String,
  /** Of the public key that the newest request was made with. */
  keyDigest: Schema.String,
  /** The token it came with. */
  token: Schema.String,
  host: Schema.String,
  machineId: Schema.String,
  /** The newest certificate, PEM; empty: it waits for approval. */
  certificate: Schema.String,
  changedMs: Schema.Number,
})
export type EnrolmentRecord = typeof EnrolmentRecord.Type

export const enrolledPrefix = "enrolled/"

export const decodeEnrolment = Schema.decodeUnknownOption(Schema.fromJsonString(EnrolmentRecord))
