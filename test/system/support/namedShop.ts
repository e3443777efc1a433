// A Node service of the tests: for each request it asks a name server for its database, and the database three times; it hands nothing on.
// Usage: node namedShop.ts ADDRESS PORT SERVER POSTGRES_PORT: where it listens, where its name server and database are.

import { Resolver } from "node:dns/promises"
import { createServer } from "node:http"
import { argv } from "node:process"
import { postgresPool } from "../../truth/programs/postgresPool.ts"

const [address, port, server, postgresPort] = argv.slice(2)
const names = new Resolver()
names.setServers([server!])
const database = postgresPool(Number(postgresPort), 1, server)

createServer((request, response) => {
  const answer = async (): Promise<void> => {
    await names.resolve4("web.shop.test")
    await database("BEGIN")
    await database(`SELECT 1 AS "${request.url!}"`)
    await database("COMMIT")
    response.end("hello\n")
  }
  answer().catch((error: Error) => response.writeHead(500).end(error.message))
}).listen(Number(port), address)
