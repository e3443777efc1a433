// Error codes of CQL (native protocol, section 9): their names, and which are the server's failure.

import { ResponseStatus } from "../../../model/L7Session.ts"

const names: Readonly<Record<number, string>> = {
  0x0000: "Server error",
  0x000a: "Protocol error",
  0x0100: "Authentication error",
  0x1000: "Unavailable",
  0x1001: "Overloaded",
  0x1002: "Bootstrapping",
  0x1003: "Truncate error",
  0x1100: "Write timeout",
  0x1200: "Read timeout",
  0x1300: "Read failure",
  0x1400: "Function failure",
  0x1500: "Write failure",
  0x1600: "CDC write failure",
  0x1700: "CAS write unknown",
  0x2000: "Syntax error",
  0x2100: "Unauthorized",
  0x2200: "Invalid",
  0x2300: "Configuration error",
  0x2400: "Already exists",
  0x2500: "Unprepared",
}

export const errorName = (code: number): string => names[code] ?? `0x${code.toString(16).padStart(4, "0")}`

export const statusOf = (code: number): ResponseStatus =>
  code === 0 || (code >= 0x1000 && code < 0x2000 && code !== 0x1400)
    ? ResponseStatus.serverError
    : ResponseStatus.clientError
