// The demo's shop service: a plain Node HTTP server that asks the stock service and keeps carts in Redis. Knows nothing of Sonde.
import { Agent, createServer, request } from "node:http"
import { connect } from "node:net"

const [port, stockPort, redisPort] = process.argv.slice(2).map(Number)
const agent = new Agent({ keepAlive: true })

/** A client for the few Redis replies needed here: one outstanding command after the other. */
const makeRedis = () => {
  const socket = connect(redisPort, "127.0.0.1")
  const waiting = []
  let buffered = ""
  socket.on("error", () => {})
  socket.on("data", (data) => {
    buffered += data.toString("latin1")
    for (let end = buffered.indexOf("\r\n"); end >= 0 && waiting.length > 0; end = buffered.indexOf("\r\n")) {
      const line = buffered.slice(0, end)
      let used = end + 2
      let value = line.slice(1)
      if (line[0] === "$" && value !== "-1") {
        used += Number(value) + 2
        if (buffered.length < used) return
        value = buffered.slice(end + 2, used - 2)
      }
      buffered = buffered.slice(used)
      waiting.shift()(line[0] === "-" ? `error: ${value}` : value)
    }
  })
  return (...words) =>
    new Promise((resolve) => {
      waiting.push(resolve)
      socket.write(
        `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join("")}`,
      )
    })
}
const redis = redisPort > 0 ? makeRedis() : async () => ""

const stock = (id) =>
  new Promise((resolve, reject) => {
    const get = request({ agent, host: "127.0.0.1", port: stockPort, path: `/items/${id}` }, (response) => {
      let body = ""
      response.setEncoding("utf8")
      response.on("data", (part) => (body += part))
      response.on("end", () => resolve({ status: response.statusCode, body }))
    })
    get.on("error", reject)
    get.end()
  })

const answer = (response, status, value) => {
  const body = JSON.stringify(value)
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
  })
  response.end(body)
}

createServer(async (incoming, response) => {
  try {
    const { pathname } = new URL(incoming.url, "http://shop")
    const [, page, id = ""] = pathname.split("/")
    if (page === "products") {
      const cached = await redis("GET", `product:${id}`)
      if (cached !== "" && cached !== "-1") return answer(response, 200, { cached: true, product: cached })
      const item = await stock(id)
      if (item.status === 200) await redis("SETEX", `product:${id}`, "2", item.body)
      return answer(response, item.status, { product: item.body })
    }
    if (page === "cart" && incoming.method === "POST") {
      const size = await redis("RPUSH", `cart:${id}`, String(Date.now()))
      await redis("EXPIRE", `cart:${id}`, "60")
      return answer(response, 201, { items: size })
    }
    // A bug for the console to show: carts are lists, HGET answers WRONGTYPE.
    if (page === "checkout") {
      const total = await redis("HGET", `cart:${id}`, "total")
      return answer(response, total.startsWith("error") ? 500 : 200, { total })
    }
    if (page === "slow") {
      await new Promise((resolve) => setTimeout(resolve, 120 + Math.random() * 200))
      return answer(response, 200, { slept: true })
    }
    return answer(response, 404, { error: "no such page" })
  } catch (error) {
    return answer(response, 502, { error: String(error) })
  }
}).listen(port, "127.0.0.1")
