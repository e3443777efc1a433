import { join } from "node:path"
import type { Peer } from "../Peer.ts"
import { background, run } from "../run.ts"

/** What clients ask, by class and method. */
const requests: Readonly<Record<string, string>> = {
  "10.40": "Connection.Open",
  "10.50": "Connection.Close",
  "20.10": "Channel.Open",
  "20.40": "Channel.Close",
  "50.10": "Queue.Declare",
  "60.40": "Basic.Publish",
  "60.70": "Basic.Get",
}

const bin = "/usr/lib/rabbitmq/bin"

/** Two more ports that it needs. */
const apart = (port: number, distance: number): number => (port > 40_000 ? port - distance : port + distance)
const epmdPort = (port: number): string => `${apart(port, 11_000)}`

export const amqp: Peer = {
  name: "amqp",
  programs: [`${bin}/rabbitmq-server`, "epmd", "amqp-publish", "amqp-get", "amqp-declare-queue"],
  transport: "tcp",
  start: (port, folder) =>
    background(`${bin}/rabbitmq-server`, [], {
      cwd: folder,
      env: {
        ...process.env,
        HOME: folder,
        RABBITMQ_NODENAME: `sonde${port}@localhost`,
        RABBITMQ_NODE_IP_ADDRESS: "127.0.0.1",
        RABBITMQ_NODE_PORT: `${port}`,
        RABBITMQ_DIST_PORT: `${apart(port, 10_000)}`,
        RABBITMQ_MNESIA_BASE: join(folder, "mnesia"),
        RABBITMQ_LOG_BASE: join(folder, "log"),
        RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, "plugins"),
        RABBITMQ_CONFIG_FILE: join(folder, "none"),
        ERL_EPMD_PORT: epmdPort(port),
        ERL_EPMD_ADDRESS: "127.0.0.1",
      },
    }),
  isReady: (port) => {
    run("amqp-declare-queue", ["-u", `amqp://127.0.0.1:${port}`, "-q", "ready"])
    return true
  },
  drive: (port) => {
    const at = ["-u", `amqp://127.0.0.1:${port}`]
    run("amqp-declare-queue", [...at, "-q", "orders"])
    run("amqp-publish", [...at, "-r", "orders", "-b", "one cup of tea"])
    run("amqp-publish", [...at, "-e", "amq.topic", "-r", "shop.order", "-b", "x".repeat(30_000)])
    run("amqp-get", [...at, "-q", "orders"])
    run("amqp-get", [...at, "-q", "orders"], { mayFail: true })
    run("amqp-get", [...at, "-q", "nowhere"], { mayFail: true })
    run("amqp-publish", [...at, "-e", "nowhere", "-r", "a", "-b", "lost"], { mayFail: true })
    run("amqp-publish", ["-u", `amqp://ann:wrong@127.0.0.1:${port}`, "-r", "a", "-b", "no"], {
      mayFail: true,
    })
  },
  // The port mapper goes on by itself.
  end: (port) => run("epmd", ["-port", epmdPort(port), "-kill"], { mayFail: true }),
  dissector: "amqp",
  fields: ["amqp.method.class", "amqp.method.method", "amqp.method.arguments.reply_code"],
  theirs: (packets, port) => ({
    requests: packets
      .filter((packet) => packet["dstport"]!.includes(`${port}`))
      .flatMap((packet) =>
        packet["amqp.method.method"]!.map((method, i) => `${packet["amqp.method.class"]![i]}.${method}`),
      )
      .flatMap((method) => requests[method] ?? []),
    responses: packets
      .filter((packet) => !packet["dstport"]!.includes(`${port}`))
      .flatMap((packet) => packet["amqp.method.arguments.reply_code"]!)
      .filter((code) => code !== "200"),
  }),
  ours: (message) =>
    message["msg"] === "request"
      ? Object.values(requests).find((name) => name === message["request_type"])
      : message["response_code"] === undefined
        ? undefined
        : `${message["response_code"]}`,
}
