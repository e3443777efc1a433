// The number of an agent in stored rows: a 16-bit hash (FNV-1a) of its id, never 0; two agents may share one.

export const agentNumber = (id: string): number => {
  let hash = 0x811c9dc5
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193)
  return (hash >>> 16) ^ (hash & 0xffff) || 1
}
