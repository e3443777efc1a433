// Whether an SQLSTATE of PostgreSQL accuses the statement or the server, by its class (PostgreSQL manual, appendix A).

import { ResponseStatus } from "../../../model/L7Session.ts"

/** Classes that are the client's doing: data, constraints, syntax, authorisation, transaction state, cursors, `raise`. */
const clientClasses = new Set(
  "03 0A 0B 0F 0L 0P 0Z 20 21 22 23 24 25 26 27 28 2B 2D 2F 34 38 39 3B 3D 3F 42 44 P0".split(" "),
)

/** Single states that their class does not describe. */
const exceptions: Record<string, ResponseStatus> = {
  // The client cancelled, or its own timeout did.
  "57014": ResponseStatus.clientError,
  // Idle for too long in a transaction or session.
  "25P03": ResponseStatus.serverError,
  "57P05": ResponseStatus.serverError,
  // The client sent what is no protocol.
  "08P01": ResponseStatus.clientError,
}

export const statusOfSqlState = (state: string): ResponseStatus =>
  exceptions[state] ??
  (clientClasses.has(state.slice(0, 2)) ? ResponseStatus.clientError : ResponseStatus.serverError)
