// Keys, values and ranges in etcd's own words.

import type { Entry } from "./Coordination.ts"

export interface KeyValue {
  readonly key: Buffer
  readonly value: Buffer
  readonly create_revision: string
  readonly mod_revision: string
}

export const entryOf = ({ create_revision, key, mod_revision, value }: KeyValue): Entry => ({
  key: key.toString(),
  value: value.toString(),
  modified: Number(mod_revision),
  created: Number(create_revision),
})

const highestByte = 0xff
/** To etcd: every key there is, or every key from the first of a range on. */
const everything = Buffer.from([0])

/** The key behind all keys that begin with `prefix`. */
export const endOf = (prefix: Buffer): Buffer => {
  for (let at = prefix.length - 1; at >= 0; at--) {
    if (prefix[at] === highestByte) continue
    const end = Buffer.from(prefix.subarray(0, at + 1))
    end[at]++
    return end
  }
  return everything
}

export const rangeOf = (prefix: string): { readonly key: Buffer; readonly range_end: Buffer } => {
  const bytes = Buffer.from(prefix)
  return bytes.length === 0
    ? { key: everything, range_end: everything }
    : { key: bytes, range_end: endOf(bytes) }
}
