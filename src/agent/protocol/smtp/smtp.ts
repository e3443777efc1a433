// SMTP (with LMTP, which differs in little) as a Protocol.

import { L7Protocol } from "../../../model/protocol.ts"
import { makeParserStats } from "../ParserStats.ts"
import type { MessageSink, Protocol } from "../Protocol.ts"
import { detectSmtp } from "./detect.ts"
import { SmtpConnection } from "./SmtpConnection.ts"

export interface SmtpOptions {
  /** Of mail addresses keep the domain only (default). Credentials are replaced in any case. */
  readonly maskLiterals?: boolean
}

/** A protocol value of its own, with statistics of its own. */
export const makeSmtp = (options: SmtpOptions = {}): Protocol => {
  const stats = makeParserStats()
  const masksLiterals = options.maskLiterals ?? true
  return {
    protocol: L7Protocol.smtp,
    name: "smtp",
    stats,
    detect: detectSmtp,
    connection: (sink: MessageSink) => new SmtpConnection(sink, stats, masksLiterals),
  }
}
