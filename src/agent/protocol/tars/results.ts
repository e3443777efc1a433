// Results of calls by name, and who is to blame (BaseF.tars). What a servant returns of its own is positive.

import { ResponseStatus } from "../../../model/L7Session.ts"

const names: Record<number, string> = {
  [-1]: "TARSSERVERDECODEERR",
  [-2]: "TARSSERVERENCODEERR",
  [-3]: "TARSSERVERNOFUNCERR",
  [-4]: "TARSSERVERNOSERVANTERR",
  [-5]: "TARSSERVERRESETGRID",
  [-6]: "TARSSERVERQUEUETIMEOUT",
  [-7]: "TARSINVOKETIMEOUT",
  [-8]: "TARSPROXYCONNECTERR",
  [-9]: "TARSSERVEROVERLOAD",
  [-10]: "TARSADAPTERNULL",
  [-11]: "TARSINVOKEBYINVALIDESET",
  [-12]: "TARSCLIENTDECODEERR",
  [-13]: "TARSSENDREQUESTERR",
  [-99]: "TARSSERVERUNKNOWNERR",
}

export const resultName = (result: number): string => names[result] ?? ""

/** A request that cannot be read, no such function or servant, a call by the wrong set, the client's own errors. */
const clientErrors: ReadonlySet<number> = new Set([-1, -3, -4, -11, -12, -13])

export const statusOf = (result: number): ResponseStatus => {
  if (result === 0) return ResponseStatus.ok
  return clientErrors.has(result) ? ResponseStatus.clientError : ResponseStatus.serverError
}
