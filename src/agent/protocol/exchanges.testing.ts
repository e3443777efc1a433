// For benchmarks: exchanges as clients and servers commonly have them, each with another key, literal or id.

import { Buffer } from "node:buffer"

export interface Exchange {
  readonly request: Uint8Array
  readonly answer: Uint8Array
}

const different = 1000
const make = (exchange: (i: number) => Exchange): ReadonlyArray<Exchange> =>
  Array.from({ length: different }, (_, i) => exchange(i))

/** GET with eight headers, 400 bytes; an answer of 600 bytes with a body of known length. */
export const http1Exchanges = (): ReadonlyArray<Exchange> => {
  const items = Array.from({ length: 12 }, (_, id) => ({ id, name: `item ${id}` }))
  const body = JSON.stringify({ items })
  const answer = Buffer.from(
    "HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Mon, 04 Dec 2023 11:25:36 GMT\r\nContent-Type: application/json\r\n" +
      `Content-Length: ${body.length}\r\nConnection: keep-alive\r\nVary: Accept-Encoding\r\n\r\n${body}`,
  )
  return make((i) => ({
    request: Buffer.from(
      `GET /api/v1/orders/${i}?limit=20&page=${i % 7} HTTP/1.1\r\nHost: shop.example:8080\r\nUser-Agent: curl/8.4.0\r\n` +
        "Accept: */*\r\nAccept-Encoding: gzip, deflate\r\nConnection: keep-alive\r\nX-Forwarded-For: 10.0.0.7\r\n" +
        `X-Request-Id: 0b5a9a36-88d2-4f2a-9d1c-${String(i).padStart(12, "0")}\r\n` +
        "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n\r\n",
    ),
    answer,
  }))
}

const redisCommand = (...words: ReadonlyArray<string>): Uint8Array =>
  Buffer.from(`*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join("")}`)

/** GET and SET of 64 bytes in turn. */
export const redisExchanges = (): ReadonlyArray<Exchange> => {
  const value = "x".repeat(64)
  const found = Buffer.from(`$64\r\n${value}\r\n`)
  const done = Buffer.from("+OK\r\n")
  return make((i) =>
    i % 2 === 0
      ? { request: redisCommand("GET", `user:${i}:profile`), answer: found }
      : { request: redisCommand("SET", `user:${i}:profile`, value), answer: done },
  )
}

const mysqlPacket = (sequence: number, payload: Uint8Array): Buffer => {
  const header = Buffer.alloc(4)
  header.writeUIntLE(payload.length, 0, 3)
  header[3] = sequence
  return Buffer.concat([header, payload])
}

/** A statement of 105 bytes with two literals; three columns, five rows. */
export const mysqlExchanges = (): ReadonlyArray<Exchange> => {
  const definition = Buffer.from(
    "\x03def\x04shop\x05users\x05users\x04name\x04name\x0c\x21\x00\x00\x01\x00\x00\xfd\x00\x00\x00\x00\x00",
    "latin1",
  )
  const eof = Buffer.from([0xfe, 0, 0, 2, 0])
  const answer = Buffer.concat([
    mysqlPacket(1, Buffer.from([3])),
    mysqlPacket(2, definition),
    mysqlPacket(3, definition),
    mysqlPacket(4, definition),
    mysqlPacket(5, eof),
    ...Array.from({ length: 5 }, (_, i) =>
      mysqlPacket(i + 6, Buffer.from(`\x01${i}\x05Alice\x11alice@example.org`, "latin1")),
    ),
    mysqlPacket(11, eof),
  ])
  return make((i) => ({
    request: mysqlPacket(
      0,
      Buffer.from(
        `\x03SELECT id, name, email FROM users WHERE id = ${i} AND state = 'active' ORDER BY created_at DESC LIMIT 10`,
        "latin1",
      ),
    ),
    answer,
  }))
}

const postgresqlMessage = (type: string, body: string): Buffer => {
  const header = Buffer.alloc(5)
  header[0] = type.charCodeAt(0)
  header.writeUInt32BE(body.length + 4, 1)
  return Buffer.concat([header, Buffer.from(body, "latin1")])
}

const postgresqlRows = [
  postgresqlMessage("T", `\0\x01name\0${"\0".repeat(18)}`),
  ...Array.from({ length: 5 }, () =>
    postgresqlMessage("D", "\0\x03\0\0\0\x011\0\0\0\x05Alice\0\0\0\x11alice@example.org"),
  ),
  postgresqlMessage("C", "SELECT 5\0"),
  postgresqlMessage("Z", "I"),
]

/** A statement of 105 bytes with three literals; five rows. */
export const postgresqlSimpleExchanges = (): ReadonlyArray<Exchange> => {
  const answer = Buffer.concat(postgresqlRows)
  return make((i) => ({
    request: postgresqlMessage(
      "Q",
      `SELECT id, name, email FROM users WHERE id = ${i} AND state = 'active' ORDER BY created_at DESC LIMIT 10\0`,
    ),
    answer,
  }))
}

/** Parse, Bind, Describe, Execute and Sync in one run, with a parameter and two literals; five rows. */
export const postgresqlExtendedExchanges = (): ReadonlyArray<Exchange> => {
  const answer = Buffer.concat([postgresqlMessage("1", ""), postgresqlMessage("2", ""), ...postgresqlRows])
  return make((i) => ({
    request: Buffer.concat([
      postgresqlMessage(
        "P",
        `\0SELECT id, name, email FROM users WHERE id = $1 AND region = ${i} ORDER BY created_at DESC LIMIT 10\0\0\0`,
      ),
      postgresqlMessage("B", `\0\0\0\0\0\x01\0\0\0\x04${String(i).padStart(4, "0")}\0\0`),
      postgresqlMessage("D", "P\0"),
      postgresqlMessage("E", "\0\0\0\0\0"),
      postgresqlMessage("S", ""),
    ]),
    answer,
  }))
}
