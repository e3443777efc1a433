// LDAP (version 3, and 2 as far as it is the same) as a Protocol.

import { L7Protocol } from "../../../model/protocol.ts"
import { makeParserStats } from "../ParserStats.ts"
import type { MessageSink, Protocol } from "../Protocol.ts"
import { detectLdap } from "./detect.ts"
import { LdapConnection } from "./LdapConnection.ts"

export interface LdapOptions {
  /** Replace values in filters by `?` (default). Distinguished names are keys and stay; credentials are never read. */
  readonly maskLiterals?: boolean
}

/** A protocol value of its own, with statistics of its own. */
export const makeLdap = (options: LdapOptions = {}): Protocol => {
  const stats = makeParserStats()
  const masksLiterals = options.maskLiterals ?? true
  return {
    protocol: L7Protocol.ldap,
    name: "ldap",
    stats,
    detect: detectLdap,
    connection: (sink: MessageSink) => new LdapConnection(sink, stats, masksLiterals),
  }
}
