import { nginx } from "../../system/support/programs.ts"
import type { Peer } from "../Peer.ts"
import { run } from "../run.ts"

export const http: Peer = {
  name: "http",
  programs: ["/usr/sbin/nginx", "curl"],
  transport: "tcp",
  start: nginx,
  drive: (port) => {
    const at = `http://127.0.0.1:${port}`
    for (const path of ["/index.html", "/ok?page=2", "/www/..", "/nothing", "/broken"])
      run("curl", ["-s", "-o", "/dev/null", at + path])
    // One connection for several requests, with bodies and without.
    run("curl", ["-s", "-o", "/dev/null", "-o", "/dev/null", `${at}/ok`, `${at}/b/7`])
    run("curl", ["-s", "-o", "/dev/null", "-d", "x".repeat(20_000), `${at}/upload`])
    run("curl", ["-s", "-I", "-o", "/dev/null", `${at}/head`])
    run("curl", ["-s", "-X", "DELETE", "-o", "/dev/null", `${at}/things/1`])
  },
  dissector: "http",
  fields: ["http.request.method", "http.request.uri", "http.response.code"],
  theirs: (packets) => ({
    requests: packets.flatMap((packet) =>
      packet["http.request.method"]!.map((method, i) => `${method} ${packet["http.request.uri"]![i]}`),
    ),
    responses: packets.flatMap((packet) => packet["http.response.code"]!),
  }),
  ours: (message) =>
    message["msg"] === "request"
      ? `${message["request_type"]} ${message["request_resource"]}`
      : `${message["response_code"]}`,
}
