// Which arguments of a Redis command name things (keys, channels, sub-commands) and which are values that may be secret.
// Positions are those of Redis' COMMAND INFO: 0 is the command itself.

export interface CommandRule {
  /** First and last argument that is kept, and the step between them; a negative last counts from the end. */
  readonly first: number
  readonly last: number
  readonly step: number
  /** Position of the argument that says how many keys follow it; 0 when there is none. */
  readonly keyCountAt: number
  /** Keys are the first half of what follows the word STREAMS. */
  readonly hasStreams: boolean
  /** Arguments hold credentials: masked whatever the options say. */
  readonly isSecret: boolean
}

const rule = (first: number, last: number, step: number, more: Partial<CommandRule> = {}): CommandRule => ({
  first,
  last,
  step,
  keyCountAt: 0,
  hasStreams: false,
  isSecret: false,
  ...more,
})

/** Most commands: the first argument is the key. Unknown commands, which modules add, follow the same habit. */
export const firstIsKey = rule(1, 1, 1)

const rules = new Map<string, CommandRule>()
const define = (commandRule: CommandRule, commands: string): void => {
  for (const command of commands.split(" ")) rules.set(command, commandRule)
}

define(rule(0, -1, 1, { isSecret: true }), "AUTH")
define(rule(1, 1, 1, { isSecret: true }), "HELLO ACL")
define(rule(1, 3, 1, { isSecret: true }), "MIGRATE")
define(rule(0, -2, 1), "PING ECHO MONITOR MULTI EXEC DISCARD QUIT RESET DBSIZE TIME LASTSAVE SAVE UNWATCH")
define(
  rule(1, -1, 1),
  "DEL UNLINK EXISTS TOUCH MGET WATCH SUNION SINTER SDIFF SUNIONSTORE SINTERSTORE SDIFFSTORE PFCOUNT PFMERGE " +
    "SUBSCRIBE UNSUBSCRIBE PSUBSCRIBE PUNSUBSCRIBE SSUBSCRIBE SUNSUBSCRIBE KEYS SELECT SWAPDB INFO WAIT " +
    "FLUSHALL FLUSHDB BGSAVE PSYNC REPLICAOF SLAVEOF READONLY READWRITE ASKING COMMAND SLOWLOG LATENCY",
)
define(rule(1, -2, 1), "BLPOP BRPOP BZPOPMIN BZPOPMAX")
define(rule(1, -1, 2), "MSET MSETNX")
define(
  rule(1, 2, 1),
  "RENAME RENAMENX COPY LMOVE BLMOVE RPOPLPUSH BRPOPLPUSH SMOVE LCS ZRANGESTORE GEOSEARCHSTORE",
)
define(rule(1, 2, 1), "OBJECT MEMORY XINFO XGROUP CONFIG CLUSTER FUNCTION MODULE PUBSUB DEBUG BITOP REPLCONF")
define(rule(1, 1, 1), "CLIENT SCRIPT")
define(
  rule(1, 1, 1, { keyCountAt: 2 }),
  "EVALSHA EVALSHA_RO FCALL FCALL_RO ZUNIONSTORE ZINTERSTORE ZDIFFSTORE BZMPOP BLMPOP",
)
define(rule(0, -2, 1, { keyCountAt: 2 }), "EVAL EVAL_RO")
define(rule(0, -2, 1, { keyCountAt: 1 }), "ZUNION ZINTER ZDIFF ZINTERCARD SINTERCARD ZMPOP LMPOP")
define(rule(0, -2, 1, { hasStreams: true }), "XREAD XREADGROUP")
define(
  firstIsKey,
  "GET SET SETEX PSETEX SETNX GETSET GETDEL GETEX GETRANGE SETRANGE APPEND STRLEN INCR INCRBY INCRBYFLOAT DECR DECRBY " +
    "HGET HSET HSETNX HMGET HMSET HGETALL HDEL HEXISTS HINCRBY HINCRBYFLOAT HKEYS HVALS HLEN HSCAN HSTRLEN HRANDFIELD " +
    "LPUSH RPUSH LPUSHX RPUSHX LPOP RPOP LRANGE LLEN LINDEX LSET LREM LTRIM LINSERT LPOS SADD SREM SMEMBERS SISMEMBER " +
    "SMISMEMBER SCARD SPOP SRANDMEMBER SSCAN ZADD ZREM ZSCORE ZMSCORE ZRANGE ZREVRANGE ZRANGEBYSCORE ZREVRANGEBYSCORE " +
    "ZRANGEBYLEX ZRANK ZREVRANK ZCARD ZCOUNT ZINCRBY ZPOPMIN ZPOPMAX ZSCAN ZREMRANGEBYSCORE ZREMRANGEBYRANK " +
    "ZRANDMEMBER ZLEXCOUNT EXPIRE PEXPIRE EXPIREAT PEXPIREAT EXPIRETIME TTL PTTL PERSIST TYPE DUMP RESTORE SORT SORT_RO " +
    "SCAN PUBLISH SPUBLISH PFADD SETBIT GETBIT BITCOUNT BITPOS BITFIELD GEOADD GEODIST GEOHASH GEOPOS GEORADIUS GEOSEARCH " +
    "XADD XLEN XRANGE XREVRANGE XDEL XTRIM XACK XPENDING XCLAIM XAUTOCLAIM SYNC SHUTDOWN ROLE FAILOVER BGREWRITEAOF",
)

export const ruleOf = (command: string): CommandRule => rules.get(command) ?? firstIsKey

export const isKnownCommand = (command: string): boolean => rules.has(command)
