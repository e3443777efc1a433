// The protocols the agent knows, in the order in which they are asked about unknown bytes.

import { makeAmqp } from "./amqp/amqp.ts"
import { makeBrpc } from "./brpc/brpc.ts"
import { type CassandraOptions, makeCassandra } from "./cassandra/cassandra.ts"
import { type ClickHouseOptions, makeClickHouse } from "./clickhouse/clickhouse.ts"
import { type DnsOptions, makeDns } from "./dns/dns.ts"
import { makeDubbo } from "./dubbo/dubbo.ts"
import { type FastCgiOptions, makeFastCgi } from "./fastcgi/fastcgi.ts"
import { type Http1Options, makeHttp1 } from "./http1/http1.ts"
import { type Http2Options, makeHttp2 } from "./http2/http2.ts"
import { makeKafka } from "./kafka/kafka.ts"
import { makeKrpc } from "./krpc/krpc.ts"
import { makeMemcached, type MemcachedOptions } from "./memcached/memcached.ts"
import { makeMongodb, type MongodbOptions } from "./mongodb/mongodb.ts"
import { makeMqtt } from "./mqtt/mqtt.ts"
import { makeMysql, type MysqlOptions } from "./mysql/mysql.ts"
import { makeNats } from "./nats/nats.ts"
import { makeOracle, type OracleOptions } from "./oracle/oracle.ts"
import { makePostgresql, type PostgresqlOptions } from "./postgresql/postgresql.ts"
import { type LdapOptions, makeLdap } from "./ldap/ldap.ts"
import type { Protocol } from "./Protocol.ts"
import { makePing } from "./ping/ping.ts"
import { makeOpenWire } from "./openwire/openwire.ts"
import { makePulsar } from "./pulsar/pulsar.ts"
import { makeRedis, type RedisOptions } from "./redis/redis.ts"
import { makeRocketMq } from "./rocketmq/rocketmq.ts"
import { makeSomeIp } from "./someip/someip.ts"
import { makeSmtp, type SmtpOptions } from "./smtp/smtp.ts"
import { makeSofaRpc } from "./sofarpc/sofarpc.ts"
import { makeTars } from "./tars/tars.ts"
import { makeThrift } from "./thrift/thrift.ts"
import { makeTls } from "./tls/tls.ts"
import { makeWebSocket } from "./websocket/websocket.ts"
import { makeZmtp } from "./zmtp/zmtp.ts"

export interface ProtocolOptions
  extends
    CassandraOptions,
    ClickHouseOptions,
    DnsOptions,
    FastCgiOptions,
    LdapOptions,
    SmtpOptions,
    Http1Options,
    Http2Options,
    MemcachedOptions,
    MongodbOptions,
    MysqlOptions,
    OracleOptions,
    PostgresqlOptions,
    RedisOptions {}

/** One set of protocol values for one agent (or one worker); their statistics belong to it. */
export const makeProtocols = (options: ProtocolOptions = {}): ReadonlyArray<Protocol> => {
  const http2 = makeHttp2(options)
  const webSocket = makeWebSocket()
  const upgrades = { http2: http2.upgraded, webSocket: webSocket.upgraded }
  const dns = makeDns(options)
  const someIp = makeSomeIp()
  return [
    makeTls(),
    // Before HTTP, which has a CONNECT too.
    makeNats(),
    makeHttp1({ ...options, upgrades }),
    // Before HTTP/2, which takes the first query of a connection for a frame.
    makeClickHouse(options),
    http2,
    makeAmqp(),
    makeDubbo(),
    makeBrpc(),
    makeSofaRpc(),
    makeTars(),
    makeKrpc(),
    makeKafka(),
    makeZmtp(),
    makeOpenWire(),
    makePulsar(),
    makeRocketMq(),
    makeFastCgi(options),
    makeCassandra(options),
    makeThrift(),
    makeOracle(options),
    makeMqtt(),
    makeMongodb(options),
    makeMysql(options),
    makePostgresql(options),
    makeRedis(options),
    makeMemcached(options),
    webSocket,
    dns.stream,
    dns.datagrams,
    makeLdap(options),
    makeSmtp(options),
    makePing(),
    someIp.stream,
    someIp.datagrams,
  ]
}
