import type { Peer } from "../Peer.ts"
import { background, run } from "../run.ts"

export const dns: Peer = {
  name: "dns",
  programs: ["dnsmasq", "dig"],
  transport: "udp",
  start: (port) =>
    background("dnsmasq", [
      ...[
        "-k",
        "-C",
        "/dev/null",
        "-h",
        "-R",
        "-p",
        `${port}`,
        "--listen-address=127.0.0.1",
        "--bind-interfaces",
      ],
      ...["--pid-file=", "--user=root", "--local=/shop.test/", "--address=/web.shop.test/10.1.2.3"],
      ...[
        "--address=/web.shop.test/fd00::7",
        "--cname=www.shop.test,web.shop.test",
        "--txt-record=t.shop.test,hello",
      ],
      ...["--mx-host=shop.test,mail.shop.test,10", "--srv-host=_http._tcp.shop.test,web.shop.test,80"],
    ]),
  isReady: (port) =>
    run("dig", ["@127.0.0.1", "-p", `${port}`, "+time=1", "+tries=1", "web.shop.test"]).includes("10.1.2.3"),
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
