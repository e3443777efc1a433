import { writeFileSync } from "node:fs"
import { join } from "node:path"
import type { Peer } from "../Peer.ts"
import { background, run } from "../run.ts"

const config = (port: number): string => `
daemon off; pid nginx.pid; error_log stderr; events {}
http {
  access_log off;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  server {
    listen 127.0.0.1:${port};
    location / { return 200 "hello\\n"; }
    location /moved { return 301 /; }
    location /gone { return 410; }
    location /broken { return 503 "later\\n"; }
  }
}`

export const http: Peer = {
  name: "http",
  programs: ["nginx", "curl"],
  transport: "tcp",
  start: (port, folder) => {
    writeFileSync(join(folder, "nginx.conf"), config(port))
    return background("nginx", ["-p", folder, "-c", "nginx.conf"], { cwd: folder })
  },
  drive: (port) => {
    const at = `http://127.0.0.1:${port}`
    for (const path of ["/", "/orders?page=2", "/moved", "/gone", "/broken"])
      run("curl", ["-s", "-o", "/dev/null", at + path])
    // One connection for several requests, with bodies and without.
    run("curl", ["-s", "-o", "/dev/null", "-o", "/dev/null", `${at}/a`, `${at}/b/7`])
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
