import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import type { SourceUpdate } from "../ResourceSource.ts"
import { hetznerRecords } from "./hetznerRecords.ts"
import { hetznerSource, type HetznerOptions, readHetzner } from "./hetznerSource.ts"

const token = "very-secret-token"

/** A server that speaks the part of the API that is asked, pages included. */
const lists: Record<string, Array<object>> = {
  locations: [{ id: 1, name: "fsn1", city: "Falkenstein", network_zone: "eu-central" }],
  networks: [
    {
      id: 4711,
      name: "private",
      ip_range: "10.0.0.0/16",
      subnets: [{ type: "cloud", ip_range: "10.0.1.0/24", network_zone: "eu-central" }],
      labels: {},
    },
  ],
  servers: Array.from({ length: 120 }, (_, i) => ({
    id: 1_000 + i,
    name: `web-${i}`,
    status: "running",
    public_net: {
      ipv4: i === 0 ? { ip: "203.0.113.1" } : null,
      ipv6: { ip: `2001:db8:0:${i}::/64` },
      floating_ips: [],
    },
    private_net: [{ network: 4711, ip: `10.0.1.${i}`, alias_ips: [], mac_address: "86:00:ff:2a:7d:e1" }],
    datacenter: { name: "fsn1-dc8", location: { name: "fsn1", network_zone: "eu-central" } },
    labels: { team: "a" },
  })),
  load_balancers: [
    {
      id: 9,
      name: "front",
      public_net: { enabled: true, ipv4: { ip: "203.0.113.2" }, ipv6: { ip: "2001:db8::2" } },
      private_net: [{ network: 4711, ip: "10.0.1.250" }],
      location: { name: "fsn1", network_zone: "eu-central" },
      services: [{ protocol: "https", listen_port: 443, destination_port: 80 }],
      labels: {},
    },
  ],
}

const answer = (request: IncomingMessage, response: ServerResponse): void => {
  const url = new URL(request.url!, "http://x")
  const list = url.pathname.slice("/v1/".length)
  response.setHeader("content-type", "application/json")
  if (request.headers.authorization !== `Bearer ${token}`) {
    response.statusCode = 401
    response.end(JSON.stringify({ error: { code: "unauthorized", message: "unable to authenticate" } }))
    return
  }
  const page = Number(url.searchParams.get("page"))
  const perPage = Number(url.searchParams.get("per_page"))
  const all = lists[list]!
  const hasMore = page * perPage < all.length
  response.end(
    JSON.stringify({
      [list]: all.slice((page - 1) * perPage, page * perPage),
      meta: {
        pagination: {
          page,
          per_page: perPage,
          previous_page: page > 1 ? page - 1 : null,
          next_page: hasMore ? page + 1 : null,
          last_page: Math.ceil(all.length / perPage),
          total_entries: all.length,
        },
      },
    }),
  )
}

let server: Server
let options: HetznerOptions
let requests = 0
/** Takes the request instead, when it returns true. */
let disturb: (request: IncomingMessage, response: ServerResponse) => boolean = () => false

beforeEach(async () => {
  requests = 0
  disturb = () => false
  server = createServer((request, response) => {
    requests++
    if (!disturb(request, response)) answer(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  options = {
    name: "test",
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    token,
    pollMs: 50,
    timeoutMs: 300,
    retries: 2,
    firstRetryMs: 10,
  }
})
afterEach(() => {
  server.closeAllConnections()
  server.close()
})

const read = (more: Partial<HetznerOptions> = {}) => Effect.runPromise(readHetzner({ ...options, ...more }))

const problem = async (more: Partial<HetznerOptions> = {}): Promise<string> => {
  const exit = await Effect.runPromiseExit(Effect.flip(readHetzner({ ...options, ...more })))
  const message = Exit.isSuccess(exit) ? exit.value.message : "no problem"
  expect(message).not.toContain(token)
  return message
}

const says = (status: number, body: string, headers: Record<string, string> = {}) => {
  disturb = (_, response) => {
    response.writeHead(status, headers)
    response.end(body)
    return true
  }
}

describe("Hetzner Cloud", () => {
  it("is read page by page", async () => {
    const records = hetznerRecords(await read())
    expect(requests).toBe(6)
    expect(records.map(({ kind }) => kind).filter((kind) => kind === "chost").length).toBe(120)
    expect(records.slice(0, 5)).toEqual([
      { kind: "region", uid: "eu-central", name: "eu-central" },
      {
        kind: "az",
        uid: "fsn1",
        name: "fsn1",
        parents: [{ kind: "region", by: "uid", value: "eu-central" }],
      },
      { kind: "vpc", uid: "4711", name: "private", tags: {} },
      {
        kind: "subnet",
        uid: "4711/10.0.1.0/24",
        name: "private 10.0.1.0/24",
        parents: [{ kind: "vpc", by: "uid", value: "4711" }],
        cidrs: ["10.0.1.0/24"],
      },
      {
        kind: "chost",
        uid: "1000",
        name: "web-0",
        parents: [
          { kind: "region", by: "uid", value: "eu-central" },
          { kind: "az", by: "uid", value: "fsn1" },
          { kind: "vpc", by: "uid", value: "4711" },
        ],
        ips: ["203.0.113.1", "2001:db8:0:0::1", "10.0.1.0"],
        macs: ["86:00:ff:2a:7d:e1"],
        tags: { "cloud.tag.team": "a" },
        state: "running",
      },
    ])
    expect(records.at(-1)).toMatchObject({
      kind: "lb",
      ips: ["203.0.113.2", "2001:db8::2", "10.0.1.250"],
      ports: [{ protocol: 6, port: 443 }],
    })
  })

  it("says what to do about a wrong token, and does not ask again", async () => {
    expect(await problem({ token: "wrong" })).toBe(
      `GET ${options.url}/locations?page=1&per_page=50: status 401 (unable to authenticate); check the token`,
    )
    expect(requests).toBe(1)
  })

  it("waits as long as a rate limit asks, then goes on", async () => {
    let limited = 0
    disturb = (_, response) => {
      if (++limited > 1) return false
      response.writeHead(429, { "retry-after": "1" })
      response.end(
        JSON.stringify({ error: { code: "rate_limit_exceeded", message: "limit of 3600 reached" } }),
      )
      return true
    }
    const startedMs = performance.now()
    await read()
    expect(performance.now() - startedMs).toBeGreaterThan(950)
  })

  it("gives up when a rate limit asks for too much", async () => {
    const inAnHour = Math.floor(Date.now() / 1_000) + 3_600
    says(429, "{}", {
      "ratelimit-limit": "3600",
      "ratelimit-remaining": "0",
      "ratelimit-reset": String(inAnHour),
    })
    expect(await problem()).toMatch(/status 429$/)
    expect(requests).toBe(1)
  })

  it("tries again after errors, broken connections and slow answers", async () => {
    let tries = 0
    disturb = (request, response) => {
      tries++
      if (tries === 1) return (response.writeHead(503).end("later"), true)
      if (tries === 2) return (request.socket.destroy(), true)
      return false
    }
    await read()
    tries = 0
    // The first answer never comes.
    disturb = () => ++tries === 1
    await read()
  })

  it("tells what stays wrong", async () => {
    says(500, "oops")
    expect(await problem()).toMatch(/status 500$/)
    expect(requests).toBe(3)
    disturb = () => true
    expect(await problem({ retries: 0 })).toMatch(/no answer within 0.3 s$/)
    says(200, '{"locations": [')
    expect(await problem({ retries: 0 })).toMatch(/the answer is not whole JSON$/)
    says(200, "{}")
    expect(await problem()).toMatch(/the answer has no locations$/)
    says(200, JSON.stringify({ locations: [], meta: { pagination: { next_page: 1 } } }))
    expect(await problem()).toMatch(/after page 1 the next page is said to be 1$/)
    says(302, "", { location: "http://127.0.0.1:1/" })
    expect(await problem({ retries: 0 })).toMatch(/no answer \(/)
    says(200, " ".repeat(2_000_000))
    expect(await problem({ mostBytes: 1_000_000 })).toMatch(/larger than 1000000 bytes$/)
    // An endless answer without a length.
    disturb = (_, response) => {
      response.writeHead(200)
      const more = () => void (response.writableEnded || response.write(" ".repeat(65_536), more))
      more()
      return true
    }
    expect(await problem({ mostBytes: 1_000_000, timeoutMs: 5_000 })).toMatch(/larger than 1000000 bytes$/)
    server.close()
    server.closeAllConnections()
    expect(await problem({ retries: 0 })).toMatch(/no answer \((ECONN|UND_ERR)/)
  })

  it("makes something of servers that lack everything", () => {
    const odd = [
      { id: 1 },
      { id: 2, private_net: 7, public_net: null, labels: [], location: "x" },
      null,
      5,
      {},
    ]
    const records = hetznerRecords({ locations: odd, networks: odd, servers: odd, loadBalancers: odd })
    expect(records.filter(({ kind }) => kind === "chost").map(({ uid }) => uid)).toEqual(["1", "2"])
  })

  it("tells problems as they come and goes", async () => {
    const told: Array<SourceUpdate["type"]> = []
    says(404, "")
    const source = hetznerSource(options)
    expect(source.domain).toBe("hetzner:test")
    await Effect.runPromise(
      source
        .run((update) =>
          Effect.sync(() => {
            told.push(update.type)
            disturb = () => false
          }),
        )
        .pipe(Effect.timeoutOption("500 millis")),
    )
    expect(told.slice(0, 2)).toEqual(["problem", "snapshot"])
  })
})
