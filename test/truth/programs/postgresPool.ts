// A pool of connections to PostgreSQL: each carries one statement at a time, and who finds none free waits in order. Simple queries,
// rows are not looked at; the server must trust the user `sonde`.

import { connect, type Socket } from "node:net"

export type PostgresPool = (statement: string) => Promise<void>

interface Connection {
  readonly socket: Socket
  done: (error?: Error) => void
}

const message = (type: string, text: string): Buffer => {
  const body = Buffer.from(`${text}\0`)
  const head = Buffer.alloc(5)
  head.write(type)
  head.writeUInt32BE(body.length + 4, 1)
  return Buffer.concat([head, body])
}

const startup = (): Buffer => {
  const body = Buffer.from("user\0sonde\0database\0postgres\0\0")
  const head = Buffer.alloc(8)
  head.writeUInt32BE(body.length + 8)
  head.writeUInt32BE(3 << 16, 4)
  return Buffer.concat([head, body])
}

export const postgresPool = (port: number, connections: number, host = "127.0.0.1"): PostgresPool => {
  const free: Array<Connection> = []
  const waiting: Array<(connection: Connection) => void> = []
  const giveBack = (connection: Connection): void => {
    const next = waiting.shift()
    if (next === undefined) free.push(connection)
    else next(connection)
  }

  const open = (): void => {
    const socket = connect(port, host).setNoDelay(true)
    const connection: Connection = { socket, done: () => {} }
    let rest: Buffer = Buffer.alloc(0)
    let error: Error | undefined
    socket.on("data", (data) => {
      rest = Buffer.concat([rest, data])
      while (rest.length >= 5 && rest.length > rest.readUInt32BE(1)) {
        const type = String.fromCharCode(rest[0]!)
        if (type === "E") error = new Error(rest.subarray(5, 1 + rest.readUInt32BE(1)).toString())
        rest = rest.subarray(1 + rest.readUInt32BE(1))
        if (type !== "Z") continue
        const { done } = connection
        connection.done = () => {}
        // Whoever waits for a connection is served before this statement's own caller goes on, as in pools of that kind.
        giveBack(connection)
        done(error)
        error = undefined
      }
    })
    socket.write(startup())
  }
  for (let i = 0; i < connections; i++) open()

  return (statement) =>
    new Promise((resolve, reject) => {
      const use = (connection: Connection): void => {
        connection.done = (error) => (error === undefined ? resolve() : reject(error))
        connection.socket.write(message("Q", statement))
      }
      const connection = free.pop()
      if (connection === undefined) waiting.push(use)
      else use(connection)
    })
}
