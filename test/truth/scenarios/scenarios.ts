// The scenarios of the truth suite, by how hard it is to tell which call belongs to which request.

import { redis } from "../../system/support/programs.ts"
import { nats, postgresPrograms, postgresql } from "../../system/support/servers.ts"
import {
  type Hop,
  type Kind,
  lacksAny,
  lacksModules,
  lacksPrograms,
  type Scenario,
  type Started,
  starting,
} from "../Scenario.ts"
import type { Language } from "../drive.ts"
import { haproxy, haproxyPath, lastNginx, proxyNginx } from "./nginx.ts"
import {
  go,
  goGrpc,
  java,
  type JavaWay,
  lacksGo,
  lacksGoGrpc,
  lacksJava,
  node,
  python,
  pythonPath,
} from "./programs.ts"

const nginxPath = "/usr/sbin/nginx"
const natsPath = "/usr/sbin/nats-server"
const redisPath = "/usr/bin/redis-server"
const postgresPath = `${postgresPrograms()}/postgres`

/** Milliseconds that programs rest at most where they rest: the time in which other requests come between. */
const restMs = 5

const call = (name: string, port: number, times = 1) => ({ name, port, times })

const hop = (name: string, kind: Kind, port: number, ...calls: Hop["calls"]): Hop => ({
  name,
  kind,
  port,
  calls,
})

const make = (
  name: string,
  about: string,
  lacks: () => string,
  hops: (started: Started) => Promise<ReadonlyArray<Hop>>,
  language: Language = "http",
): Scenario => ({
  name,
  about,
  lacks,
  start: () => starting(async (started) => ({ hops: await hops(started), language })),
})

const threads = (name: string, about: string, rest: number): Scenario =>
  make(
    name,
    about,
    lacksAny(lacksPrograms(redisPath, postgresPath, pythonPath), lacksModules("redis", "psycopg2")),
    async (started) => {
      const store = await started.add(redis())
      const database = await started.add(postgresql("trust"))
      const program = await started.add(python("threads.py", store.port, database.port, rest))
      return [
        hop(
          "Python",
          "threads",
          program.port,
          call("Redis", store.port, 2),
          call("PostgreSQL", database.port),
        ),
      ]
    },
  )

const loop = (name: string, about: string, rest: number): Scenario =>
  make(
    name,
    about,
    lacksAny(lacksPrograms(nginxPath, redisPath, pythonPath), lacksModules("aiohttp", "redis.asyncio")),
    async (started) => {
      const store = await started.add(redis())
      const last = await started.add(lastNginx())
      const program = await started.add(python("loop.py", last.port, store.port, rest))
      return [hop("asyncio", "event loop", program.port, call("nginx", last.port), call("Redis", store.port))]
    },
  )

const nginx = (name: string, about: string, keeps: number): Scenario =>
  make(name, about, lacksPrograms(nginxPath), async (started) => {
    const last = await started.add(lastNginx())
    const front = await started.add(proxyNginx(last.port, { keeps }))
    return [hop("nginx", "event loop", front.port, call("nginx", last.port))]
  })

const shop = (
  name: string,
  about: string,
  options: { readonly connections?: number; readonly restMs?: number },
  isFrontTls = false,
): Scenario =>
  make(
    name,
    about,
    lacksPrograms(nginxPath, redisPath, postgresPath),
    async (started) => {
      const store = await started.add(redis())
      const database = await started.add(postgresql("trust"))
      const program = await started.add(node({ redis: store.port, postgres: database.port, ...options }))
      const front = await started.add(proxyNginx(program.port, { keeps: 16, isTls: isFrontTls }))
      return [
        hop("nginx", "event loop", front.port, call("Node", program.port)),
        hop("Node", "event loop", program.port, call("Redis", store.port), call("PostgreSQL", database.port)),
      ]
    },
    isFrontTls ? "https" : "http",
  )

const goShop = (name: string, about: string, way: "direct" | "channel"): Scenario =>
  make(name, about, lacksAny(lacksGo, lacksPrograms(nginxPath, redisPath)), async (started) => {
    const store = await started.add(redis())
    const last = await started.add(lastNginx())
    const program = await started.add(go(last.port, store.port, way))
    const kind = way === "direct" ? "goroutines" : "thread pool"
    return [hop("Go", kind, program.port, call("nginx", last.port), call("Redis", store.port))]
  })

const javaShop = (name: string, about: string, way: JavaWay): Scenario =>
  make(name, about, lacksAny(lacksJava(way), lacksPrograms(nginxPath, redisPath)), async (started) => {
    const store = await started.add(redis())
    const last = await started.add(lastNginx())
    const program = await started.add(java(last.port, store.port, way))
    const kind = way === "direct" ? "threads" : "thread pool"
    return [hop("Java", kind, program.port, call("nginx", last.port), call("Redis", store.port))]
  })

export const scenarios: ReadonlyArray<Scenario> = [
  make(
    "relay",
    "Python -> Python -> nginx, a session for each client",
    lacksPrograms(nginxPath, pythonPath),
    async (started) => {
      const last = await started.add(lastNginx())
      const second = await started.add(python("relay.py", last.port))
      const first = await started.add(python("relay.py", second.port))
      return [
        hop("A", "sequential", first.port, call("B", second.port)),
        hop("B", "sequential", second.port, call("nginx", last.port)),
      ]
    },
  ),
  threads("threads", "Python, a thread for each connection -> Redis, PostgreSQL, Redis", 0),
  threads("threads-rest", "the same, resting before each call", restMs),
  loop("asyncio", "aiohttp -> nginx, Redis", 0),
  loop("asyncio-rest", "the same, resting before each call", restMs),
  nginx("nginx", "nginx -> nginx, connections kept", 16),
  nginx("nginx-close", "nginx -> nginx, a new connection for each request", 0),
  make(
    "nginx-python",
    "nginx -> Python -> Redis",
    lacksAny(lacksPrograms(nginxPath, redisPath, pythonPath), lacksModules("redis", "psycopg2")),
    async (started) => {
      const store = await started.add(redis())
      const program = await started.add(python("threads.py", store.port, 0, restMs))
      const front = await started.add(proxyNginx(program.port, { keeps: 16 }))
      return [
        hop("nginx", "event loop", front.port, call("Python", program.port)),
        hop("Python", "threads", program.port, call("Redis", store.port, 2)),
      ]
    },
  ),
  make(
    "haproxy",
    "HAProxy -> nginx, connections shared",
    lacksPrograms(nginxPath, haproxyPath),
    async (started) => {
      const last = await started.add(lastNginx())
      const front = await started.add(haproxy(last.port))
      return [hop("HAProxy", "event loop", front.port, call("nginx", last.port))]
    },
  ),
  shop("node", "nginx -> Node -> Redis (one connection), PostgreSQL (pool of 10)", {}),
  shop("node-rest", "the same, resting before each call", { restMs }),
  make(
    "node-one",
    "Node -> nginx over one connection for all clients",
    lacksPrograms(nginxPath),
    async (started) => {
      const last = await started.add(lastNginx())
      const program = await started.add(node({ http: last.port, connections: 1 }))
      return [hop("Node", "event loop", program.port, call("nginx", last.port))]
    },
  ),
  shop("https", "HTTPS: nginx -> Node -> Redis, PostgreSQL", {}, true),
  make(
    "https-all",
    "HTTPS at every hop: nginx -> Node -> nginx",
    lacksPrograms(nginxPath),
    async (started) => {
      const last = await started.add(lastNginx(true))
      const program = await started.add(node({ http: last.port }, true))
      const front = await started.add(
        proxyNginx(program.port, { keeps: 16, isTls: true, isUpstreamTls: true }),
      )
      return [
        hop("nginx", "event loop", front.port, call("Node", program.port)),
        hop("Node", "event loop", program.port, call("nginx", last.port)),
      ]
    },
    "https",
  ),
  make(
    "queue",
    "Python -> NATS -> Python, with ids in the messages' headers, as tracing libraries leave them",
    lacksAny(lacksPrograms(natsPath, redisPath, pythonPath), lacksModules("redis")),
    async (started) => {
      const store = await started.add(redis())
      const broker = await started.add(nats())
      await started.add(python("broker.py", broker.port, store.port))
      const program = await started.add(python("broker.py", broker.port))
      return [hop("Python", "threads", program.port, { ...call("NATS", broker.port), type: "Hpub" })]
    },
  ),
  goShop("go", "Go, a goroutine for each connection -> nginx, Redis", "direct"),
  goShop("go-channel", "Go, sixteen workers behind a channel -> nginx, Redis", "channel"),
  make(
    "go-grpc",
    "gRPC: Go, a goroutine for each stream -> nginx, Redis",
    lacksAny(lacksPrograms(nginxPath, redisPath), lacksGoGrpc),
    async (started) => {
      const store = await started.add(redis())
      const last = await started.add(lastNginx())
      const program = await started.add(goGrpc(last.port, store.port))
      return [hop("Go", "goroutines", program.port, call("nginx", last.port), call("Redis", store.port))]
    },
    "grpc",
  ),
  make(
    "nats",
    "Python, one thread that takes messages of NATS -> nginx, Redis",
    lacksPrograms(natsPath, nginxPath, redisPath, pythonPath),
    async (started) => {
      const store = await started.add(redis())
      const last = await started.add(lastNginx())
      const broker = await started.add(nats())
      await started.add(python("consumer.py", broker.port, last.port, store.port))
      const consumer = hop(
        "Python",
        "consumer",
        broker.port,
        call("nginx", last.port),
        call("Redis", store.port),
      )
      return [{ ...consumer, takes: "Msg" }]
    },
    "nats",
  ),
  javaShop("java", "Java, a pool of threads -> nginx, Redis", "direct"),
  javaShop("java-handoff", "Java, read by one pool, worked by another -> nginx, Redis", "handoff"),
  javaShop("java-nio", "Java, read by a selector's thread, worked by a pool -> nginx, Redis", "nio"),
  javaShop("java-virtual", "Java, a virtual thread for each request -> nginx, Redis", "virtual"),
]
