// nginx as it stands in front of services, and as the last server of a chain; HAProxy in its place. One worker: all requests share a thread.

import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { type Program, start } from "../../system/support/programs.ts"
import { selfSigned } from "../../system/support/servers.ts"

const nginx = (server: (port: number, folder: string) => string): Promise<Program> =>
  start("/usr/sbin/nginx", undefined, (port, folder) => {
    writeFileSync(
      join(folder, "nginx.conf"),
      `daemon off; user root; worker_processes 1; pid ${folder}/pid; error_log ${folder}/error.log;
       events { worker_connections 1024; }
       http { access_log off; keepalive_requests 1000000;
         client_body_temp_path ${folder}/a; proxy_temp_path ${folder}/b; fastcgi_temp_path ${folder}/c;
         uwsgi_temp_path ${folder}/d; scgi_temp_path ${folder}/e;
         ${server(port, folder)} }`,
    )
    return ["-p", folder, "-c", join(folder, "nginx.conf")]
  })

const certificates = (folder: string): string => {
  const [key, certificate] = selfSigned(folder)
  return `ssl_certificate ${certificate}; ssl_certificate_key ${key};`
}

/** Answers every path. */
export const lastNginx = (isTls = false): Promise<Program> =>
  nginx(
    (port, folder) =>
      `${isTls ? certificates(folder) : ""}
       server { listen 127.0.0.1:${port} ${isTls ? "ssl" : ""}; location / { return 200 "ok\\n"; } }`,
  )

export interface ProxyOptions {
  /** Connections to the upstream that are kept when idle; 0: a new one for each request. */
  readonly keeps: number
  readonly isTls?: boolean
  readonly isUpstreamTls?: boolean
}

/** Hands everything on to a port. */
export const proxyNginx = (
  upstream: number,
  { isTls = false, isUpstreamTls = false, keeps }: ProxyOptions,
): Promise<Program> =>
  nginx(
    (port, folder) =>
      `${isTls ? certificates(folder) : ""}
       upstream next { server 127.0.0.1:${upstream}; ${keeps > 0 ? `keepalive ${keeps};` : ""} }
       server { listen 127.0.0.1:${port} ${isTls ? "ssl" : ""};
         location / { proxy_pass ${isUpstreamTls ? "https" : "http"}://next;
           ${keeps > 0 ? `proxy_http_version 1.1; proxy_set_header connection "";` : ""} } }`,
  )

export const haproxyPath = "/usr/sbin/haproxy"

/** HAProxy in HTTP mode with one thread; connections to the upstream carry requests of any client. */
export const haproxy = (upstream: number): Promise<Program> =>
  start(haproxyPath, undefined, (port, folder) => {
    const file = join(folder, "haproxy.cfg")
    writeFileSync(
      file,
      [
        "global",
        "  nbthread 1",
        "defaults",
        "  mode http",
        "  timeout connect 5s",
        "  timeout client 60s",
        "  timeout server 60s",
        "  http-reuse always",
        "frontend front",
        `  bind 127.0.0.1:${port}`,
        "  default_backend back",
        "backend back",
        `  server next 127.0.0.1:${upstream}`,
        "",
      ].join("\n"),
    )
    return ["-db", "-f", file]
  })
