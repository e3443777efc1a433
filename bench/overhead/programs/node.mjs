// A server of Node's http: one kibibyte for each request.

import { createServer } from "node:http"

const body = "x".repeat(1_024)
createServer((_request, response) => {
  response.setHeader("content-length", body.length)
  response.end(body)
}).listen(Number(process.argv[2]), "127.0.0.1")
