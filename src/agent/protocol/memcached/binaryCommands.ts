// Memcached's binary protocol: names of its commands, meaning of its statuses.

import { ResponseStatus } from "../../../model/L7Session.ts"

const names = (
  "get set add replace delete increment decrement quit flush getq noop version getk getkq append prepend stat setq addq " +
  "replaceq deleteq incrementq decrementq quitq flushq appendq prependq verbosity touch gat gatq"
).split(" ")

const others: Record<number, string> = {
  0x20: "sasl_list_mechs",
  0x21: "sasl_auth",
  0x22: "sasl_step",
  0x23: "gatk",
  0x24: "gatkq",
}

export const stat = 0x10

export const binaryName = (opcode: number): string | undefined => names[opcode] ?? others[opcode]

/** The server is silent about success, or about a miss. */
export const isQuietName = (name: string): boolean => name.endsWith("q")

/** A miss or a lost race is an answer like any other. */
const fine = new Set([0, 1, 2, 5, 0x21])

export const statusOfCode = (code: number): ResponseStatus => {
  if (fine.has(code)) return ResponseStatus.ok
  return code === 0x82 || (code >= 0x84 && code <= 0x86)
    ? ResponseStatus.serverError
    : ResponseStatus.clientError
}
