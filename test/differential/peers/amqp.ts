import { rabbitMq, rabbitMqServer } from "../../system/support/servers.ts"
import type { Peer } from "../Peer.ts"
import { run } from "../run.ts"

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

export const amqp: Peer = {
  name: "amqp",
  programs: [rabbitMqServer, "epmd", "amqp-publish", "amqp-get", "amqp-declare-queue"],
  transport: "tcp",
  start: rabbitMq,
  // It takes connections before it serves them.
  prepare: (port) => {
    run("amqp-declare-queue", ["-u", `amqp://127.0.0.1:${port}`, "-q", "ready"])
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
