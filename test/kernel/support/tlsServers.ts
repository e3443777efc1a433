// Real servers that speak TLS: by libssl on the socket (nginx, Redis, PostgreSQL, MariaDB), by OpenSSL within the program and through
// memory (Node), by libssl through memory (asyncio).

import { execFileSync } from "node:child_process"
import { chmodSync, chownSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { type Program, start } from "../../system/support/programs.ts"
import { postgresPrograms, selfSigned } from "../../system/support/servers.ts"

export const secureNginx = (): Promise<Program> =>
  start("/usr/sbin/nginx", undefined, (port, folder) => {
    const [key, certificate] = selfSigned(folder)
    writeFileSync(
      join(folder, "nginx.conf"),
      `daemon off; user root; worker_processes 1; pid ${folder}/pid; error_log ${folder}/error.log;
       events { worker_connections 512; }
       http { access_log off; ssl_certificate ${certificate}; ssl_certificate_key ${key};
         client_body_temp_path ${folder}/a; proxy_temp_path ${folder}/b; fastcgi_temp_path ${folder}/c;
         uwsgi_temp_path ${folder}/d; scgi_temp_path ${folder}/e;
         server { listen 127.0.0.1:${port} ssl http2;
           location /broken { return 500 "broken\\n"; }
           location / { return 200 "ok\\n"; } } }`,
    )
    return ["-p", folder, "-c", join(folder, "nginx.conf")]
  })

/** Answers every path; what it says first is longer than a record. */
export const secureNode = (): Promise<Program> =>
  start(process.execPath, undefined, (port, folder) => {
    const [key, certificate] = selfSigned(folder)
    const script = `
      const [{ createServer }, { readFileSync }] = [require("node:https"), require("node:fs")]
      const [key, cert] = [readFileSync("${key}"), readFileSync("${certificate}")]
      createServer({ key, cert }, (_, response) => response.end("x".repeat(40000))).listen(${port}, "127.0.0.1")`
    return ["-e", script]
  })

export const secureAsyncio = (): Promise<Program> =>
  start("/usr/bin/python3", undefined, (port, folder) => {
    const [key, certificate] = selfSigned(folder)
    const script = `
import asyncio, ssl
async def serve(reader, writer):
    try:
        while True:
            await reader.readuntil(b"\\r\\n\\r\\n")
            writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok")
            await writer.drain()
    except asyncio.IncompleteReadError:
        writer.close()
async def main():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain("${certificate}", "${key}")
    server = await asyncio.start_server(serve, "127.0.0.1", ${port}, ssl=context)
    await server.serve_forever()
asyncio.run(main())`
    return ["-c", script]
  })

export const secureRedis = (): Promise<Program> =>
  start("/usr/bin/redis-server", undefined, (port, folder) => {
    const [key, certificate] = selfSigned(folder)
    return [
      ...["--port", "0", "--tls-port", String(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder],
      ...["--tls-cert-file", certificate, "--tls-key-file", key, "--tls-auth-clients", "no"],
    ]
  })

/** TLS begins within the protocol. The user is `sonde`, without a password. */
export const securePostgresql = (): Promise<Program> => {
  const asUser = ["--reuid=postgres", "--regid=postgres", "--clear-groups"]
  return start("/usr/bin/setpriv", undefined, (port, folder) => {
    chmodSync(folder, 0o777)
    const [key, certificate] = selfSigned(folder)
    const user = Number(execFileSync("/usr/bin/id", ["-u", "postgres"], { encoding: "utf8" }))
    chownSync(key, user, -1)
    const data = join(folder, "data")
    const initialise = ["-D", data, "-U", "sonde", "-A", "trust", "--no-sync"]
    execFileSync("/usr/bin/setpriv", [...asUser, join(postgresPrograms(), "initdb"), ...initialise], {
      stdio: "ignore",
      cwd: folder,
    })
    const server = ["-D", data, "-h", "127.0.0.1", "-p", String(port), "-k", folder, "-F"]
    const secure = ["-c", "ssl=on", "-c", `ssl_cert_file=${certificate}`, "-c", `ssl_key_file=${key}`]
    return [...asUser, join(postgresPrograms(), "postgres"), ...server, ...secure]
  })
}

/** TLS begins within the protocol. Without accounts. */
export const secureMariadb = (): Promise<Program> =>
  start("/usr/sbin/mariadbd", undefined, (port, folder) => {
    const [key, certificate] = selfSigned(folder)
    return [
      ...["--no-defaults", "--skip-grant-tables", "--skip-networking=0", "--user=root"],
      ...["--bind-address=127.0.0.1", `--port=${port}`, `--datadir=${folder}`, `--socket=${folder}/socket`],
      ...["--innodb-buffer-pool-size=8M", "--innodb-fast-shutdown=2"],
      ...[`--ssl-cert=${certificate}`, `--ssl-key=${key}`],
    ]
  })

/** A program in Go, as the distribution strips it. */
export const secureEtcd = (): Promise<Program> =>
  start("/usr/bin/etcd", undefined, (port, folder) => {
    const [key, certificate] = selfSigned(folder)
    return [
      ...["--data-dir", join(folder, "data"), "--cert-file", certificate, "--key-file", key],
      ...["--listen-client-urls", `https://127.0.0.1:${port}`],
      ...["--advertise-client-urls", `https://127.0.0.1:${port}`],
      ...["--listen-peer-urls", "http://127.0.0.1:0"],
    ]
  })
