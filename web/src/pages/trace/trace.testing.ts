// Traces for tests: made from a tree of what differs, with positions, self times and the critical path worked out as the server does.

import type {
  CriticalPart,
  LinkReason,
  SpanKind,
  SpanLink,
  SpanSide,
  Trace,
  TraceFileCall,
  TraceSpan,
} from "../../api/traceContract.ts"

export interface SpanSpec extends Partial<Omit<TraceSpan, "children" | "link" | "parent" | "depth">> {
  readonly point: string
  /** Microseconds after the trace's start. */
  readonly from: number
  readonly to: number
  readonly reason?: LinkReason
  readonly below?: ReadonlyArray<SpanSpec>
}

const startUs = 1_790_000_000_000_000

const kinds: Readonly<Record<string, SpanKind>> = {
  "c-p": "process",
  "s-p": "process",
  "c-app": "application",
  "s-app": "application",
  app: "application",
}

const roles: Readonly<Record<string, TraceSpan["role"]>> = {
  "c-p": "client",
  "c-app": "client",
  "s-p": "server",
  "s-app": "server",
  app: "internal",
}

const confidences: Readonly<Record<LinkReason, SpanLink["confidence"]>> = {
  parent_span_id: "certain",
  span_id: "certain",
  tcp_seq: "certain",
  request_id: "strong",
  connection: "strong",
  causal_id: "strong",
  x_request_id: "strong",
  trace_id: "likely",
}

const texts: Readonly<Record<LinkReason, string>> = {
  parent_span_id: "parent_span_id 00f067aa0ba902b7 names it",
  span_id: "both carry span id 00f067aa0ba902b7",
  tcp_seq: "same TCP sequence on both ends",
  request_id: "same request id 4711 between the same ends",
  connection: "same request on the same connection at the same time",
  causal_id: "same causal id 77 in the process",
  x_request_id: "X-Request-ID 9f3c handed on",
  trace_id: "the only work in this process with this trace id",
}

export const side = (service: string, ip: string, port: number, pid: number): SpanSide => ({
  service,
  ip,
  port,
  pid,
  process: service.slice(0, 15),
})

const nobody: SpanSide = side("", "", 0, 0)

const spanOf = (spec: SpanSpec, at: number, parent: number, depth: number): TraceSpan => {
  const { point, from, to, reason, below: _below, ...given } = spec
  const kind = kinds[point] ?? "network"
  const role = roles[point] ?? "way"
  const [client, server] = [given.client ?? nobody, given.server ?? nobody]
  return {
    id: String(7_688_000_000_000_000_000n + BigInt(at)),
    otherIds: [],
    kind,
    role,
    point,
    agent: 1,
    host: "box-1",
    service: role === "client" ? client.service : server.service,
    client,
    server,
    startUs: startUs + from,
    endUs: startUs + to,
    durationUs: to - from,
    protocol: "HTTP",
    isTls: false,
    type: "GET",
    domain: "",
    resource: "/",
    endpoint: "/",
    name: "GET /",
    status: "ok",
    code: 200,
    exception: "",
    isAnswered: true,
    requestLength: null,
    responseLength: null,
    traceId: "",
    spanId: "",
    parentSpanId: "",
    tags: {},
    parent,
    link: parent < 0 ? null : linkOf(reason ?? "tcp_seq"),
    depth,
    children: [],
    selfUs: 0,
    ...given,
  }
}

const linkOf = (reason: LinkReason): SpanLink => ({
  reason,
  confidence: confidences[reason],
  text: texts[reason],
})

/** From the end backwards: what was waited for last, down to the span that nothing below it explains. */
const criticalOf = (spans: ReadonlyArray<TraceSpan>, at: number, untilUs: number): Array<CriticalPart> => {
  const span = spans[at]!
  const parts: Array<CriticalPart> = []
  let end = Math.min(span.endUs, untilUs)
  for (const child of span.children.toSorted((a, b) => spans[b]!.endUs - spans[a]!.endUs)) {
    const { startUs: begun, endUs: done } = spans[child]!
    if (done > end || begun < span.startUs) continue
    if (done < end) parts.push({ span: at, startUs: done, endUs: end })
    parts.push(...criticalOf(spans, child, done))
    end = begun
  }
  if (end > span.startUs) parts.push({ span: at, startUs: span.startUs, endUs: end })
  return parts
}

export const traceOf = (roots: ReadonlyArray<SpanSpec>, more: Partial<Trace> = {}): Trace => {
  const spans: Array<TraceSpan> = []
  const add = (spec: SpanSpec, parent: number, depth: number): number => {
    const at = spans.length
    spans.push(spanOf(spec, at, parent, depth))
    const children = (spec.below ?? []).toSorted((a, b) => a.from - b.from)
    spans[at] = { ...spans[at]!, children: children.map((child) => add(child, at, depth + 1)) }
    const busy = spans[at].children.map((child) => spans[child]!.durationUs).reduce((a, b) => a + b, 0)
    spans[at] = { ...spans[at], selfUs: Math.max(0, spans[at].durationUs - busy) }
    return at
  }
  const places = roots.map((root) => add(root, -1, 0))
  const endUs = Math.max(...spans.map((span) => span.endUs))
  const services = Map.groupBy(spans, (span) => span.service)
  return {
    traceId: "",
    traceIds: [],
    asked: 0,
    startUs,
    endUs,
    durationUs: endUs - startUs,
    spans,
    roots: places,
    services: [...services].map(([service, own]) => ({
      service,
      spans: own.length,
      errors: own.filter((span) => span.status !== "ok").length,
      selfUs: own.reduce((sum, span) => sum + span.selfUs, 0),
    })),
    criticalPath: places.length === 0 ? [] : criticalOf(spans, places[0]!, endUs).toReversed(),
    clocks: [],
    limits: [],
    search: { rounds: 4, questions: 9, rows: spans.length, milliseconds: 12 },
    ...more,
  }
}

const visitor = side("demo-visitor", "10.0.0.7", 41_022, 4_100)
const front = side("nginx", "10.0.0.2", 443, 811)
const shopClient = side("nginx", "10.0.0.2", 50_112, 811)
const shop = side("shop", "10.0.0.3", 8_080, 902)
const shopOut = side("shop", "10.0.0.3", 40_100, 902)
const redis = side("redis-server", "10.0.0.3", 6_379, 640)
const stock = side("stock", "10.0.0.4", 8_000, 1_201)
const stockOut = side("stock", "10.0.0.4", 47_000, 1_201)
const database = side("postgres", "10.0.0.9", 5_432, 0)
const queue = side("rabbitmq", "10.0.0.9", 5_672, 0)

const http = (path: string): Partial<TraceSpan> => ({
  type: "GET",
  resource: path,
  endpoint: path.replace(/\d+/, "*"),
  name: `GET ${path.replace(/\d+/, "*")}`,
})
const command = (type: string, key: string): Partial<TraceSpan> => ({
  protocol: "Redis",
  type,
  resource: `${type} ${key}`,
  endpoint: type,
  name: `${type} ${key}`,
  code: null,
})

const redisCall = (type: string, from: number, us: number): SpanSpec => {
  const both = { client: shopOut, server: redis, ...command(type, "product:55") }
  return {
    point: "c-p",
    from,
    to: from + us,
    reason: "causal_id",
    ...both,
    below: [{ point: "s-p", from: from + us * 0.35, to: from + us * 0.65, ...both }],
  }
}

/** A page of the shop: five services, two hosts, network cards, a program's own spans, an error, a piece without a parent. */
export const shopTrace = (more: Partial<Trace> = {}): Trace => {
  const asked = { client: visitor, server: front, ...http("/products/55"), domain: "shop.example" }
  const inner = { client: shopClient, server: shop, ...http("/products/55") }
  const item = {
    client: shopOut,
    server: stock,
    ...http("/items/55"),
    status: "server_error",
    code: 500,
  } as const
  const select = {
    client: stockOut,
    server: database,
    protocol: "PostgreSQL",
    type: "SELECT",
    resource: "SELECT * FROM items WHERE id = $1",
    endpoint: "SELECT items",
    name: "SELECT items",
    code: null,
  } as const
  const tags = { pod: "shop-6d5f7", pod_ns: "store", pod_node: "box-1", "k8s.label.app": "shop" }
  return traceOf(
    [
      {
        point: "c-p",
        from: 0,
        to: 48_200,
        ...asked,
        below: [
          {
            point: "c",
            from: 140,
            to: 48_020,
            ...asked,
            below: [
              {
                point: "s",
                from: 820,
                to: 47_400,
                ...asked,
                below: [
                  {
                    point: "s-p",
                    from: 1_400,
                    to: 47_100,
                    ...asked,
                    below: [
                      {
                        point: "c-p",
                        from: 1_900,
                        to: 46_600,
                        reason: "x_request_id",
                        ...inner,
                        below: [
                          {
                            point: "s-p",
                            from: 2_250,
                            to: 46_200,
                            ...inner,
                            tags,
                            traceId: "4bf92f3577b34da6a3ce929d0e0e4736",
                            spanId: "00f067aa0ba902b7",
                            below: [
                              {
                                point: "s-app",
                                from: 2_400,
                                to: 46_000,
                                reason: "parent_span_id",
                                ...inner,
                                traceId: "4bf92f3577b34da6a3ce929d0e0e4736",
                                below: [
                                  redisCall("GET", 3_000, 700),
                                  {
                                    point: "c-p",
                                    from: 4_200,
                                    to: 36_900,
                                    reason: "causal_id",
                                    ...item,
                                    below: [
                                      {
                                        point: "s-p",
                                        from: 5_100,
                                        to: 36_100,
                                        agent: 2,
                                        host: "box-2",
                                        ...item,
                                        exception: "could not serialize access",
                                        below: [
                                          {
                                            point: "c-p",
                                            from: 6_000,
                                            to: 31_000,
                                            reason: "causal_id",
                                            agent: 2,
                                            host: "box-2",
                                            ...select,
                                            status: "server_error",
                                          },
                                        ],
                                      },
                                    ],
                                  },
                                  redisCall("SETEX", 37_400, 620),
                                  {
                                    point: "app",
                                    from: 38_600,
                                    to: 45_400,
                                    reason: "parent_span_id",
                                    ...inner,
                                    name: "render product",
                                  },
                                ],
                              },
                            ],
                          },
                        ],
                      },
                    ],
                  },
                ],
              },
            ],
          },
        ],
      },
      {
        point: "c-p",
        from: 45_700,
        to: 46_100,
        client: shopOut,
        server: queue,
        protocol: "AMQP",
        type: "Basic.Publish",
        resource: "views",
        endpoint: "views",
        name: "Basic.Publish views",
        code: null,
        traceId: "4bf92f3577b34da6a3ce929d0e0e4736",
      },
    ],
    {
      traceId: "4bf92f3577b34da6a3ce929d0e0e4736",
      traceIds: ["4bf92f3577b34da6a3ce929d0e0e4736"],
      clocks: [
        {
          agent: 2,
          host: "box-2",
          offsetUs: 7_850,
          lowUs: 7_100,
          highUs: 8_600,
          links: 1,
          isContradicted: false,
        },
      ],
      ...more,
    },
  )
}

/** One request that only its server's process was seen of. */
export const singleTrace = (): Trace =>
  traceOf([{ point: "s-p", from: 0, to: 900, client: visitor, server: front, ...http("/health") }])

/** A page that asks the same service again and again, so that `count` spans come together. */
export const largeTrace = (count: number): Trace => {
  const calls = Math.floor((count - 2) / 2)
  const each = 240
  const total = calls * each + 2_000
  const page = { client: visitor, server: shop, ...http("/report") }
  return traceOf(
    [
      {
        point: "c-p",
        from: 0,
        to: total,
        ...page,
        below: [
          {
            point: "s-p",
            from: 400,
            to: total - 400,
            ...page,
            below: Array.from({ length: calls }, (_, at) => redisCall("GET", 800 + at * each, 180)),
          },
        ],
      },
    ],
    { limits: [{ name: "spans", limit: count, text: `more than ${count} spans: the rest is not shown` }] },
  )
}

/** A call on a file at a span, begun some time after the trace's start. */
export const fileCallOf = (trace: Trace, at: number, from: number, durationUs: number): TraceFileCall => {
  const span = trace.spans[at]!
  return {
    id: String(at * 1_000 + from),
    span: at,
    spanId: span.id,
    side: "server",
    startUs: trace.startUs + from,
    endUs: trace.startUs + from + durationUs,
    durationUs,
    type: "read",
    bytes: 4_096,
    offset: 65_536,
    path: "/var/lib/stock/items.db",
    mountSource: "/dev/vda1",
    mountPoint: "/",
    error: "",
    pid: span.server.pid,
    thread: span.server.pid,
    isCertain: true,
  }
}
