// Real servers of many protocols, as the distribution installs them. Ended by `stop`, like those of programs.ts.

import { execFileSync, spawnSync } from "node:child_process"
import { chmodSync, mkdirSync, readdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { freePort, type Program, start } from "./programs.ts"

/** nginx with one worker before a server, on loopback unless told; connections to it are new ones. `isTls`: it is asked over HTTPS. */
export const proxyTo = (upstream: number, { host = "127.0.0.1", isTls = false } = {}): Promise<Program> =>
  start("/usr/sbin/nginx", undefined, (port, folder) => {
    const [key, certificate] = isTls ? selfSigned(folder) : []
    const tls = isTls ? `ssl_certificate ${certificate}; ssl_certificate_key ${key};` : ""
    const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
      (name) => `${name}_temp_path ${folder}/${name};`,
    )
    writeFileSync(
      join(folder, "nginx.conf"),
      `daemon off; user root; worker_processes 1; pid ${folder}/pid; error_log ${folder}/error.log;
       events { worker_connections 64; }
       http { access_log off; ${temporary.join(" ")} ${tls}
         server { listen 127.0.0.1:${port}${isTls ? " ssl" : ""}; location / { proxy_pass http://${host}:${upstream}; } } }`,
    )
    return ["-p", folder, "-c", join(folder, "nginx.conf")]
  })

export const memcached = (): Promise<Program> =>
  start("/usr/bin/memcached", undefined, (port) => ["-u", "nobody", "-l", "127.0.0.1", "-p", String(port)])

export const mosquitto = (): Promise<Program> =>
  start("/usr/sbin/mosquitto", undefined, (port, folder) => {
    const file = join(folder, "mosquitto.conf")
    writeFileSync(file, `listener ${port} 127.0.0.1\nallow_anonymous true\nuser root\n`)
    return ["-c", file]
  })

export const nats = (): Promise<Program> =>
  start("/usr/sbin/nats-server", undefined, (port) => ["-a", "127.0.0.1", "-p", String(port)])

/** Without accounts: whoever comes may do everything. */
export const mariadb = (): Promise<Program> =>
  start("/usr/sbin/mariadbd", undefined, (port, folder) => [
    ...["--no-defaults", "--skip-grant-tables", "--skip-networking=0", "--user=root"],
    ...["--bind-address=127.0.0.1", `--port=${port}`, `--datadir=${folder}`, `--socket=${folder}/socket`],
    ...["--innodb-buffer-pool-size=8M", "--innodb-fast-shutdown=2"],
  ])

const postgresFolder = "/usr/lib/postgresql"

/** The newest version's folder of programs. */
export const postgresPrograms = (): string => {
  try {
    const versions = readdirSync(postgresFolder).toSorted((a, b) => Number(a) - Number(b))
    return join(postgresFolder, versions.at(-1) ?? "", "bin")
  } catch {
    return postgresFolder
  }
}

/** It does not run as root. The user is `sonde`, the password `secret`; `trust` as authentication asks for none. */
export const postgresql = (authentication = "scram-sha-256"): Promise<Program> => {
  const asUser = ["--reuid=postgres", "--regid=postgres", "--clear-groups"]
  return start("/usr/bin/setpriv", undefined, (port, folder) => {
    chmodSync(folder, 0o777)
    const data = join(folder, "data")
    const password = join(folder, "password")
    writeFileSync(password, "secret")
    const initialise = ["-D", data, "-U", "sonde", "--pwfile", password, "-A", authentication, "--no-sync"]
    execFileSync("/usr/bin/setpriv", [...asUser, join(postgresPrograms(), "initdb"), ...initialise], {
      stdio: "ignore",
      cwd: folder,
    })
    const server = ["-D", data, "-h", "127.0.0.1", "-p", String(port), "-k", folder, "-F"]
    return [...asUser, join(postgresPrograms(), "postgres"), ...server]
  })
}

/** Paths of a new key and a certificate that it signs itself. */
export const selfSigned = (folder: string): readonly [key: string, certificate: string] => {
  const [key, certificate] = [join(folder, "key.pem"), join(folder, "certificate.pem")]
  const request = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=sonde.test"]
  execFileSync("/usr/bin/openssl", [...request, "-keyout", key, "-out", certificate], { stdio: "ignore" })
  return [key, certificate]
}

/** TLS by OpenSSL with a certificate of its own; answers each line with the line turned round. */
export const tlsServer = (): Promise<Program> =>
  start("/usr/bin/openssl", undefined, (port, folder) => {
    const [key, certificate] = selfSigned(folder)
    return ["s_server", "-accept", `127.0.0.1:${port}`, "-key", key, "-cert", certificate, "-rev", "-quiet"]
  })

export const iperf3 = (): Promise<Program> =>
  start("/usr/bin/iperf3", undefined, (port) => ["-s", "-B", "127.0.0.1", "-p", String(port)])

/** Answers for the zone shop.test alone. */
export const dnsmasq = (): Promise<Program> =>
  start("/usr/sbin/dnsmasq", undefined, (port) => [
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
  ])

/** Has the suffix dc=shop,dc=test and cn=admin with the password `secret`. */
export const slapd = (): Promise<Program> =>
  start("/usr/sbin/slapd", undefined, (port, folder) => {
    mkdirSync(join(folder, "data"))
    const file = join(folder, "slapd.conf")
    writeFileSync(
      file,
      `include /etc/ldap/schema/core.schema
       modulepath /usr/lib/ldap
       moduleload back_mdb
       pidfile ${folder}/slapd.pid
       database mdb
       suffix "dc=shop,dc=test"
       rootdn "cn=admin,dc=shop,dc=test"
       rootpw secret
       directory ${folder}/data
      `.replaceAll(/^ +/gm, ""),
    )
    return ["-d", "0", "-f", file, "-h", `ldap://127.0.0.1:${port}`]
  })

export const rabbitMqServer = "/usr/lib/rabbitmq/bin/rabbitmq-server"

/** Its port mapper is its own as well, and ended with it. */
export const rabbitMq = async (): Promise<Program> => {
  const [distribution, mapper] = [await freePort(), await freePort()]
  const program = await start(
    "/usr/bin/env",
    undefined,
    (port, folder) => [
      ...[`HOME=${folder}`, `RABBITMQ_NODENAME=sonde${port}@localhost`, "RABBITMQ_NODE_IP_ADDRESS=127.0.0.1"],
      ...[
        `RABBITMQ_NODE_PORT=${port}`,
        `RABBITMQ_DIST_PORT=${distribution}`,
        `RABBITMQ_MNESIA_BASE=${folder}`,
      ],
      ...[`RABBITMQ_LOG_BASE=${folder}`, `RABBITMQ_ENABLED_PLUGINS_FILE=${folder}/plugins`],
      ...[`RABBITMQ_CONFIG_FILE=${folder}/none`, `ERL_EPMD_PORT=${mapper}`, "ERL_EPMD_ADDRESS=127.0.0.1"],
      rabbitMqServer,
    ],
    60,
  )
  return {
    ...program,
    stop: async () => {
      await program.stop()
      spawnSync("epmd", ["-port", `${mapper}`, "-kill"])
    },
  }
}
