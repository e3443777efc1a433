// For detection tests: which of all protocols over TCP say that bytes are theirs.

import { Evidence } from "./Protocol.ts"
import { makeProtocols } from "./protocols.ts"

const protocols = makeProtocols().filter((protocol) => protocol.transports === undefined)

export const recognisers = (bytes: Uint8Array): ReadonlyArray<string> =>
  protocols
    .filter((protocol) => {
      const evidence = protocol.detect(bytes, 0, bytes.length)
      return evidence !== Evidence.none && evidence !== Evidence.unclear
    })
    .map((protocol) => protocol.name)
