// A number of an agent's id that never changes: who comes first in a staged change.

/** All agents come before it. */
export const everyone = 2 ** 32

/** FNV-1a and a finish that spreads ids which differ in their last character; 0 to 2^32 - 1. */
export const stableHash = (id: string): number => {
  let hash = 0x811c9dc5
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
