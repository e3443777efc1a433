// CPU per TLS handshake message (ClientHello and ServerHello), fingerprints included, and what these cost.
// Run: node src/agent/protocol/tls/tls.bench.ts

import { measure } from "../measure.testing.ts"
import { readRecording } from "../recording.testing.ts"
import { readClientHello } from "./ClientHello.ts"
import { makeTls } from "./tls.ts"

const loops = 5_000
let sum = 0

const handshakes = (name: string) => {
  const runs = readRecording(new URL(`recordings/${name}.jsonl`, import.meta.url))
  return (): number => {
    const tls = makeTls()
    for (let loop = 0; loop < loops; loop++) {
      const parser = tls.connection({
        message: (message) => (sum += message.attributes.length),
        leave: () => {},
        desync: () => {},
      })
      for (const { bytes, direction } of runs) parser.feed(direction, bytes, 0, bytes.length, 0, 1, 0)
    }
    return 2 * loops
  }
}

const [{ bytes }] = readRecording(new URL("recordings/tls1.3.jsonl", import.meta.url))

const withoutFingerprints = (): number => {
  for (let loop = 0; loop < loops; loop++) sum += readClientHello(bytes, 9, bytes.length)?.ciphers.length ?? 0
  return loops
}

measure("TLS handshakes", [
  { name: "TLS 1.3", run: handshakes("tls1.3") },
  { name: "TLS 1.2 with certificate", run: handshakes("tls1.2") },
  { name: "ClientHello, no fingerprint", run: withoutFingerprints },
])
if (sum === 0) throw new Error("nothing was parsed")
