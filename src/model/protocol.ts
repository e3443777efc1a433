// The application protocols Sonde names, by the numbers DeepFlow's tables use for them.

export const L7Protocol = {
  unknown: 0,
  http1: 20,
  http2: 21,
  /** Not in DeepFlow's enumeration: the end of its block for HTTP. */
  webSocket: 39,
  dubbo: 40,
  grpc: 41,
  krpc: 42,
  sofaRpc: 43,
  brpc: 45,
  tars: 46,
  fastCgi: 44,
  someIp: 47,
  triple: 49,
  /** Not in DeepFlow's enumeration: the end of its block for calls. */
  thrift: 59,
  mysql: 60,
  postgresql: 61,
  oracle: 62,
  /** These two are not in DeepFlow's enumeration: the end of its block for SQL. */
  clickHouse: 78,
  cassandra: 79,
  redis: 80,
  mongodb: 81,
  memcached: 82,
  kafka: 100,
  mqtt: 101,
  amqp: 102,
  openWire: 103,
  nats: 104,
  pulsar: 105,
  zmtp: 106,
  rocketMq: 107,
  dns: 120,
  tls: 121,
  ping: 122,
  /** These two are not in DeepFlow's enumeration: the end of its block for network protocols. */
  ldap: 125,
  smtp: 126,
} as const

export type L7Protocol = (typeof L7Protocol)[keyof typeof L7Protocol]

const names: Record<number, string> = {
  [L7Protocol.unknown]: "Unknown",
  [L7Protocol.http1]: "HTTP",
  [L7Protocol.http2]: "HTTP2",
  [L7Protocol.webSocket]: "WebSocket",
  [L7Protocol.dubbo]: "Dubbo",
  [L7Protocol.grpc]: "gRPC",
  [L7Protocol.krpc]: "KRPC",
  [L7Protocol.sofaRpc]: "SofaRPC",
  [L7Protocol.brpc]: "bRPC",
  [L7Protocol.tars]: "Tars",
  [L7Protocol.triple]: "Triple",
  [L7Protocol.fastCgi]: "FastCGI",
  [L7Protocol.thrift]: "Thrift",
  [L7Protocol.mysql]: "MySQL",
  [L7Protocol.postgresql]: "PostgreSQL",
  [L7Protocol.oracle]: "Oracle",
  [L7Protocol.clickHouse]: "ClickHouse",
  [L7Protocol.cassandra]: "Cassandra",
  [L7Protocol.redis]: "Redis",
  [L7Protocol.mongodb]: "MongoDB",
  [L7Protocol.memcached]: "Memcached",
  [L7Protocol.kafka]: "Kafka",
  [L7Protocol.mqtt]: "MQTT",
  [L7Protocol.amqp]: "AMQP",
  [L7Protocol.openWire]: "OpenWire",
  [L7Protocol.nats]: "NATS",
  [L7Protocol.pulsar]: "Pulsar",
  [L7Protocol.zmtp]: "ZMTP",
  [L7Protocol.rocketMq]: "RocketMQ",
  [L7Protocol.dns]: "DNS",
  [L7Protocol.tls]: "TLS",
  [L7Protocol.ping]: "Ping",
  [L7Protocol.ldap]: "LDAP",
  [L7Protocol.smtp]: "SMTP",
  [L7Protocol.someIp]: "SomeIP",
}

export const l7ProtocolName = (protocol: number): string => names[protocol] ?? `protocol ${protocol}`

/** IANA numbers of what is below: a transport, or ICMP, which is its own. */
export const IpProtocol = { icmp: 1, tcp: 6, udp: 17, icmpV6: 58 } as const
