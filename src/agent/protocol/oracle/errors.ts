// ORA numbers: which are no error, and which are the server's failure.

import { ResponseStatus } from "../../../model/L7Session.ts"

const noDataFound = 1403

/** Limits, shutdown, memory, space, deadlocks, lost connections, listeners without a server. */
const serverErrors = new Set([
  18, 19, 20, 51, 60, 255, 257, 600, 603, 604, 1012, 1013, 1033, 1034, 1041, 1089, 1090, 1092, 1109, 1110, 1113, 1114,
  1115, 1116, 1555, 1562, 1578, 1628, 1630, 1631, 1632, 1650, 1651, 1652, 1653, 1654, 1655, 1658, 1659, 1688, 1691,
  1692, 3113, 3114, 3135, 4020, 4021, 4030, 4031, 4036, 7445, 12170, 12500, 12516, 12518, 12519, 12520, 12526, 12527,
  12528, 12535, 12537, 12541, 12547, 12560, 12571, 16000, 25408, 30036,
]) // prettier-ignore

export const statusOf = (code: number): ResponseStatus => {
  if (code === 0 || code === noDataFound) return ResponseStatus.ok
  return serverErrors.has(code) ? ResponseStatus.serverError : ResponseStatus.clientError
}
