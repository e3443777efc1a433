// What is under way on one connection, by what is known of it while its messages are still being read.

import type { Cause, ClientCall, ServedRequest } from "./Cause.ts"
import type { Lane } from "./Lane.ts"

export class Exchange {
  /** Port that is served, or `calledKind` of that which is called. */
  kind = 0
  /** Requests that this side serves and has not answered, in order. */
  readonly served: Array<ServedRequest> = []
  /** Calls that this side made and that are not answered, in order. */
  readonly calls: Array<ClientCall> = []
  /** Of a message of which only a part was seen. */
  starting: Cause | null = null
  /** Requests that this side serves of which the end was not seen yet, by their ids; null: none. They are in `served`, too. */
  begun: Map<number, ServedRequest> | null = null
  /** Who reads requests with ids here. */
  reader: Lane | null = null
  /** Its messages have ids: answers come in any order. */
  hasIds = false
  /** The message of a broker for which something was last written here by the thread that read it. */
  madeFor: ServedRequest | null = null
  /** By the thread that connected; until the first call. */
  connected: ClientCall | null = null
}

/** Kinds of calls are told apart from those of served requests. */
export const calledKind = (port: number): number => 65_536 + port

export const remove = <Each>(list: Array<Each>, one: Each): void => {
  const at = list.indexOf(one)
  if (at === 0) list.shift()
  else if (at > 0) list.splice(at, 1)
}
