// The protocols the agent knows, in the order in which they are asked about unknown bytes.

import { type Http1Options, makeHttp1 } from "./http1/http1.ts"
import type { Protocol } from "./Protocol.ts"
import { makeRedis, type RedisOptions } from "./redis/redis.ts"

export interface ProtocolOptions extends Http1Options, RedisOptions {}

/** One set of protocol values for one agent (or one worker); their statistics belong to it. */
export const makeProtocols = (options: ProtocolOptions = {}): ReadonlyArray<Protocol> => [
  makeHttp1(options),
  makeRedis(options),
]
