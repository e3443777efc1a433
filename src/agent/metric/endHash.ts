// Ends of connections as keys of metrics: whatever tells them apart there, ports aside.

import type { Endpoint } from "../flow/Endpoint.ts"

type End = Pick<Endpoint, "ip" | "processId" | "service">

export const mix = (hash: number, word: number): number => {
  const mixed = Math.imul(hash ^ word, 0x9e3779b1)
  return mixed ^ (mixed >>> 15)
}

export const hashOfEnd = (hash: number, { ip, processId }: End): number => {
  let mixed = mix(hash, processId)
  for (let i = 0; i < 16; i += 4)
    mixed = mix(mixed, (ip[i]! << 24) | (ip[i + 1]! << 16) | (ip[i + 2]! << 8) | ip[i + 3]!)
  return mixed
}

export const isSameEnd = (a: End, b: End): boolean => {
  if (a.processId !== b.processId || a.service !== b.service) return false
  for (let i = 0; i < 16; i++) if (a.ip[i] !== b.ip[i]) return false
  return true
}
