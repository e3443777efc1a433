// Error codes of ClickHouse (Common/ErrorCodes.cpp): which of them are the server's own failure.

import { ResponseStatus } from "../../../model/L7Session.ts"

/** Limits and failures of the server, its disks, its peers and Keeper; all others are about the query or its user. */
const serverErrors = new Set([
  49, // LOGICAL_ERROR
  74, 75, 76, 77, 79, 95, 209, 210, // files and sockets
  159, 160, // timeouts
  173, 202, 203, 225, 228, 230, 236, 240, 241, 242, 243, 244, 246, 252, 261, 265, 268,
  271, 279, 286, 289, 290, 298, 305, 319, 321, 341, 364, 373, 410, 412, 415, 416, 439, 473, 492, 499, 574, 596, 619, 698,
  999, 1000, 1001, 1002,
]) // prettier-ignore

export const statusOf = (code: number): ResponseStatus =>
  serverErrors.has(code) ? ResponseStatus.serverError : ResponseStatus.clientError
