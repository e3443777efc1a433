// The TLS handshake of one connection: the ClientHello is the request, the ServerHello and what follows it in the clear the
// response; then the connection is left. Keeps at most 8 KiB for each direction. The response waits for the end of the handshake,
// since an alert may still come.

import { emptyMessage, type L7Message, RecordType, ResponseStatus } from "../../../model/L7Session.ts"
import { L7Protocol } from "../../../model/protocol.ts"
import type { ParserStats } from "../ParserStats.ts"
import { type ConnectionParser, Direction, type MessageSink } from "../Protocol.ts"
import { type Certificate, readCertificate } from "./Certificate.ts"
import { ja3, ja4, readClientHello } from "./ClientHello.ts"
import { HandshakeKind } from "./detect.ts"
import { HandshakeHalf, type HandshakeSink } from "./HandshakeHalf.ts"
import { alertName, alertStatus, cipherName, isOrderly, versionName } from "./names.ts"
import { ja3s, readServerHello } from "./ServerHello.ts"

const tls13 = 0x0304
/** In front of the first certificate: length of the list, length of the certificate. */
const certificateAt = 6

export class TlsConnection implements ConnectionParser, HandshakeSink {
  isOver = false
  private readonly client: HandshakeHalf
  private readonly server: HandshakeHalf
  private request: L7Message | null = null
  private response: L7Message | null = null
  private version = 0
  private readonly attributes: Array<string> = []
  private readonly sink: MessageSink
  private readonly stats: ParserStats

  constructor(sink: MessageSink, stats: ParserStats) {
    this.sink = sink
    this.stats = stats
    this.client = new HandshakeHalf(false, this, stats)
    this.server = new HandshakeHalf(true, this, stats)
  }

  get changesCipher(): boolean {
    return this.version > 0 && this.version < tls13
  }

  get bufferedBytes(): number {
    return this.client.kept.length + this.server.kept.length
  }

  feed(
    direction: Direction,
    bytes: Uint8Array,
    start: number,
    end: number,
    missing: number,
    timeUs: number,
    tcpSeq: number,
  ): void {
    if (this.isOver) return
    const half = direction === Direction.toServer ? this.client : this.server
    half.feed(bytes, start, end, missing, timeUs, tcpSeq)
  }

  close(_timeUs: number): void {
    if (this.isOver) return
    // Without its end nobody can say whether the handshake succeeded.
    if (this.response !== null) this.response.status = ResponseStatus.unknown
    this.finish(false)
  }

  handshake(half: HandshakeHalf, kind: number, bytes: Uint8Array, length: number, timeUs: number): void {
    if (kind === HandshakeKind.clientHello && !half.isServer) this.clientHello(half, bytes, length, timeUs)
    else if (kind === HandshakeKind.serverHello && half.isServer)
      this.serverHello(half, bytes, length, timeUs)
    else if (kind === HandshakeKind.certificate && this.version < tls13)
      this.certificate(half, bytes, length, timeUs)
  }

  alert(half: HandshakeHalf, level: number, alert: number, timeUs: number): void {
    const name = alertName(alert)
    if (isOrderly(alert) || (level === 1 && this.version < tls13)) {
      this.attributes.push("warning", name)
      return
    }
    const response = this.responseOf(half, timeUs)
    response.code = alert
    response.exception = name
    response.status = alertStatus(alert, half.isServer)
    this.attributes.push("alert_from", half.isServer ? "server" : "client")
    this.finish(true)
  }

  record(half: HandshakeHalf, timeUs: number): void {
    if (this.response === null) return
    // Until TLS 1.2 the server changes its cipher when all is well; since then, nothing of the rest can be read, and the client's
    // next record says that it got this far.
    if (half.isServer === this.version >= tls13) return
    this.done(timeUs)
  }

  private done(timeUs: number): void {
    if (this.request !== null)
      this.attributes.push("handshake_us", `${Math.max(0, timeUs - this.request.startUs)}`)
    this.finish(true)
  }

  private clientHello(half: HandshakeHalf, bytes: Uint8Array, length: number, timeUs: number): void {
    // A second one answers the server's wish for other keys.
    if (this.request !== null) return
    const hello = readClientHello(bytes, 0, length)
    if (hello === null) {
      this.stats.malformed++
      return
    }
    const message = this.message(RecordType.request, half, timeUs)
    message.requestType = "ClientHello"
    message.requestDomain = hello.serverName
    message.requestResource = hello.serverName
    message.endpoint = hello.serverName
    message.version = versionName(hello.version)
    const attributes: Array<string> = []
    if (hello.alpn.length > 0) attributes.push("alpn", hello.alpn.join(","))
    if (hello.isWhole && length === half.length) {
      const fingerprint = ja3(hello)
      if (fingerprint !== "") attributes.push("ja3", fingerprint)
      attributes.push("ja4", ja4(hello))
    }
    message.attributes = attributes
    this.request = message
    this.stats.requests++
    this.sink.message(message)
  }

  private serverHello(half: HandshakeHalf, bytes: Uint8Array, length: number, timeUs: number): void {
    const hello = readServerHello(bytes, 0, length)
    if (hello === null) {
      this.stats.malformed++
      return
    }
    this.version = hello.version
    if (hello.isRetry) {
      this.attributes.push("hello_retry", "true")
      return
    }
    if (this.response !== null) return
    const response = this.responseOf(half, timeUs)
    response.version = versionName(hello.version)
    response.status = ResponseStatus.ok
    response.result = "ServerHello"
    this.attributes.push("cipher", cipherName(hello.cipher))
    if (hello.alpn.length > 0) this.attributes.push("alpn_selected", hello.alpn[0])
    const fingerprint = hello.isWhole && length === half.length ? ja3s(hello) : ""
    if (fingerprint !== "") this.attributes.push("ja3s", fingerprint)
  }

  private certificate(half: HandshakeHalf, bytes: Uint8Array, length: number, timeUs: number): void {
    if (this.response === null || length <= certificateAt) return
    const size = (bytes[3] << 16) | (bytes[4] << 8) | bytes[5]
    const certificate = readCertificate(bytes, certificateAt, Math.min(length, certificateAt + size))
    if (certificate === null) {
      this.stats.malformed++
      return
    }
    if (half.isServer) this.response.endUs = timeUs
    this.describe(certificate, half.isServer ? "certificate" : "client_certificate")
  }

  private describe(certificate: Certificate, prefix: string): void {
    const { issuer, names, notAfter, notBefore, subject } = certificate
    const { attributes } = this
    if (subject !== "") attributes.push(`${prefix}_subject`, subject)
    if (issuer !== "") attributes.push(`${prefix}_issuer`, issuer)
    if (names.length > 0) attributes.push(`${prefix}_names`, names.join(","))
    if (notBefore !== "") attributes.push(`${prefix}_not_before`, notBefore)
    if (notAfter !== "") attributes.push(`${prefix}_not_after`, notAfter)
  }

  private message(type: L7Message["type"], half: HandshakeHalf, timeUs: number): L7Message {
    const message = emptyMessage(type, L7Protocol.tls, half.startUs, half.tcpSeq)
    message.endUs = timeUs
    message.length = half.length
    message.capturedBytes = half.captured
    return message
  }

  private responseOf(half: HandshakeHalf, timeUs: number): L7Message {
    this.response ??= this.message(RecordType.response, half, timeUs)
    this.response.endUs = timeUs
    return this.response
  }

  private finish(leaves: boolean): void {
    this.isOver = true
    const { response } = this
    if (response !== null) {
      response.attributes = this.attributes
      this.stats.responses++
      this.sink.message(response)
    }
    if (leaves) this.sink.leave()
  }
}
