import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { eachForeignPayload, hasCaptures } from "../captures.testing.ts"
import { Evidence } from "../Protocol.ts"
import { readRecording, shortly } from "../recording.testing.ts"
import { cutAt, damaged, everyCut, fromClient, fromServer, noise, play } from "../transcript.testing.ts"
import { detectSmtp } from "./detect.ts"
import { makeSmtp } from "./smtp.ts"

const detect = (text: string) => detectSmtp(Buffer.from(text), 0, text.length)
const recorded = readRecording(new URL("recordings/python-smtplib.jsonl", import.meta.url))

const conversation = [
  fromServer("220-mx.example.org ESMTP\r\n220 ready\r\n"),
  fromClient("EHLO client.example\r\n"),
  fromServer("250-mx.example.org\r\n250-PIPELINING\r\n250 CHUNKING\r\n"),
  fromClient("AUTH LOGIN\r\n"),
  fromServer("334 VXNlcm5hbWU6\r\n"),
  fromClient("c2VjcmV0\r\n"),
  fromServer("235 2.7.0 welcome\r\n"),
  fromClient("MAIL FROM:<a@b.example> SIZE=9\r\nRCPT TO:<x@Y.example>\r\nDATA\r\n"),
  fromServer("250 ok\r\n450 4.2.0 <x@y.example> try later\r\n354 go\r\n"),
  fromClient("Subject: x\r\n\r\n..\r\n.not the end\r\nQUIT\r\n.\r\nBDAT 6 LAST\r\nDATA\r\nNOOP\r\n"),
  fromServer("250 ok\r\n250 ok\r\n250 ok\r\n421 4.3.2 shutting down\r\n"),
]
const messages = [
  "< ok 220 ready async",
  "EHLO EHLO client.example",
  "< ok 250 CHUNKING",
  "AUTH AUTH LOGIN",
  "< ok 334 VXNlcm5hbWU6",
  "AUTH ?",
  "< ok 235 2.7.0 welcome enhanced_code=2.7.0",
  "MAIL MAIL FROM:<?@b.example> SIZE=9",
  "RCPT RCPT TO:<?@Y.example>",
  "DATA DATA",
  "< ok 250 ok",
  "< server_error 450 4.2.0 <?@y.example> try later enhanced_code=4.2.0",
  "< ok 354 go",
  "MESSAGE",
  "BDAT BDAT 6 LAST",
  "NOOP NOOP",
  "< ok 250 ok",
  "< ok 250 ok",
  "< ok 250 ok",
  "< server_error 421 4.3.2 shutting down enhanced_code=4.3.2 async",
]

describe("conversations", () => {
  it("give each command and reply, mails by their size, and neither secrets nor who writes to whom", () => {
    const smtp = makeSmtp()
    expect(shortly(smtp, conversation)).toEqual(messages)
    expect(smtp.stats).toMatchObject({ malformed: 0, truncated: 0 })
  })

  it("of real programs are read whole", () => {
    const smtp = makeSmtp()
    const lines = shortly(smtp, recorded)
    expect(smtp.stats).toMatchObject({ requests: 15, responses: 16, malformed: 0 })
    expect(lines).toContain(
      "< client_error 554 5.7.1 Rejected by policy of ?@example.org enhanced_code=5.7.1",
    )
    expect(lines.filter((line) => line === "MESSAGE")).toHaveLength(2)
  })

  it("are the same for any split", () => {
    for (const runs of everyCut(conversation)) expect(shortly(makeSmtp(), runs)).toEqual(messages)
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 30 }), (cuts) => {
        expect(shortly(makeSmtp(), cutAt(recorded, cuts))).toEqual(shortly(makeSmtp(), recorded))
      }),
    )
  })

  it("take a refused DATA and AUTH back", () => {
    expect(
      shortly(makeSmtp(), [
        fromClient("DATA\r\n"),
        fromServer("503 no\r\n"),
        fromClient("AUTH PLAIN AGEAYg==\r\n"),
        fromServer("535 no\r\n"),
        fromClient("QUIT\r\n"),
      ]),
    ).toEqual([
      "DATA DATA",
      "< client_error 503 no",
      "AUTH AUTH PLAIN ?",
      "< client_error 535 no",
      "QUIT QUIT",
    ])
  })

  it("leave with STARTTLS when the server agrees", () => {
    const agreed = [fromClient("STARTTLS\r\n"), fromServer("220 go\r\n"), fromClient("\x16\x03\x01")]
    expect(play(makeSmtp(), agreed)).toMatchObject({ hasLeft: true, messages: { length: 2 } })
    const refused = [fromClient("STARTTLS\r\n"), fromServer("454 no\r\n"), fromClient("QUIT\r\n")]
    expect(play(makeSmtp(), refused)).toMatchObject({ hasLeft: false, messages: { length: 3 } })
  })

  it("go on behind what was not captured", () => {
    const smtp = makeSmtp()
    const lines = shortly(smtp, [
      fromClient("MAIL FROM:<a@b.example>\r\nDATA\r\n"),
      fromServer("250 ok\r\n354 go\r\n"),
      fromClient("Subject: x\r\n", 5_000),
      fromServer("250 queued\r\n"),
      fromClient("RCPT TO:<", 3),
      fromClient("@x>\r\n"),
      fromClient("RSET\r\n"),
    ])
    expect(lines.slice(4)).toEqual(["MESSAGE", "< ok 250 queued", "RSET RSET"])
    expect(smtp.stats).toMatchObject({ truncated: 1, resyncs: 1 })
  })

  it("survive damage and noise within their bounds", () => {
    fc.assert(
      fc.property(fc.oneof(damaged(conversation), damaged(recorded), noise), (runs) => {
        expect(play(makeSmtp(), runs).maxBuffered).toBeLessThanOrEqual(1024)
      }),
      { numRuns: 300 },
    )
  })
})

describe("detection", () => {
  it("takes what only SMTP says", () => {
    for (const text of ["EHLO x.example\r\n", "helo [10.0.0.1]\r\n", "MAIL FROM:<>\r\n", "rcpt to:<x@y>\r\n"])
      expect(detect(text), text).toBe(Evidence.request)
    expect(detect("220 mx.example.org ESMTP Postfix\r\n")).toBe(Evidence.response)
    for (const text of ["220 files.example FTP\r\n", "EHL", "22", ""])
      expect(detect(text), text).toBe(Evidence.unclear)
    for (const text of ["250 ok\r\n", "HELLO 3\r\n", "QUIT\r\n", "GET / HTTP/1.1\r\n", "EHLO \x01"])
      expect(detect(text), text).toBe(Evidence.none)
  })

  it.skipIf(!hasCaptures)("takes nothing of other protocols", async () => {
    await eachForeignPayload([], (bytes, start, end, file) => {
      expect([Evidence.none, Evidence.unclear], file).toContain(detectSmtp(bytes, start, end))
    })
  })
})
