// The ends of requests in words: programs may tell of a call without saying who was at its other end. Pure.

import { endAddress } from "../../../src/model/ends.ts"

export { endAddress, knownEnd } from "../../../src/model/ends.ts"

export const unknownEnd = "unknown"

export const endName = (name: string): string => (name === "" ? unknownEnd : name)

/** "shop (10.0.0.1:80)" */
export const endTitle = (name: string, ip: string, port: number): string =>
  ip === "" ? endName(name) : `${endName(name)} (${endAddress(ip, port)})`
