import { dnsmasq } from "../../system/support/servers.ts"
import type { Peer } from "../Peer.ts"
import { run } from "../run.ts"

export const dns: Peer = {
  name: "dns",
  programs: ["/usr/sbin/dnsmasq", "dig"],
  transport: "udp",
  start: dnsmasq,
  drive: (port) => {
    for (const [name, type] of [
      ["web.shop.test", "A"],
      ["web.shop.test", "AAAA"],
      ["www.shop.test", "A"],
      ["t.shop.test", "TXT"],
      ["shop.test", "MX"],
      ["_http._tcp.shop.test", "SRV"],
      ["nobody.shop.test", "A"],
      ["elsewhere.test", "A"],
      ["3.2.1.10.in-addr.arpa", "PTR"],
    ] as const)
      run("dig", ["@127.0.0.1", "-p", `${port}`, "+time=2", "+tries=1", name, type], { mayFail: true })
  },
  dissector: "dns",
  fields: ["dns.qry.name", "dns.qry.type", "dns.flags.response", "dns.flags.rcode"],
  theirs: (packets) => {
    const names: Readonly<Record<string, string>> = {
      1: "A",
      28: "AAAA",
      16: "TXT",
      15: "MX",
      33: "SRV",
      12: "PTR",
    }
    const isAnswer = (flag: string | undefined): boolean => flag === "1" || flag === "True"
    return {
      requests: packets
        .filter((packet) => !isAnswer(packet["dns.flags.response"]![0]))
        .map((packet) => `${names[packet["dns.qry.type"]![0]!]} ${packet["dns.qry.name"]![0]}`),
      responses: packets
        .filter((packet) => isAnswer(packet["dns.flags.response"]![0]))
        .map((packet) => packet["dns.flags.rcode"]![0]!),
    }
  },
  ours: (message) =>
    message["msg"] === "request"
      ? `${message["request_type"]} ${message["request_resource"]}`
      : `${message["response_code"] ?? 0}`,
}
