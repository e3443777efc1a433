// Protocols that the kernel program does not know, through the agent's whole way from system calls to sessions: real servers,
// real clients. And what a connection costs that is none of ours.

import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { expect, it } from "vitest"
import { nginx, type Program, redis } from "../system/support/programs.ts"
import { describeSystem } from "../system/support/system.ts"
import { type Capturing, runBeside, type Seen, startCapturing } from "./support/capturing.ts"
import {
  dnsmasq,
  iperf3,
  mariadb,
  memcached,
  mosquitto,
  nats,
  postgresPrograms,
  postgresql,
  tlsServer,
} from "../system/support/servers.ts"
import { needed } from "./support/tracing.ts"

/** Connections to a server that is known already. */
const followers = 20

/** A server that starts under the capture, and both ended after `act`. */
const withServer = async (
  start: () => Promise<Program>,
  act: (port: number, capturing: Capturing) => Promise<void>,
): Promise<void> => {
  const capturing = await startCapturing()
  try {
    const server = await start()
    try {
      await act(server.port, capturing)
    } finally {
      await server.stop()
    }
  } finally {
    await capturing.stop()
  }
}

/** What the client saw of the conversations of these programs (none: of all); the server must have seen the same. */
const bothSides = (seen: ReadonlyArray<Seen>, ...clients: ReadonlyArray<string>): ReadonlyArray<string> => {
  const of = (side: Seen["side"]): ReadonlyArray<string> =>
    seen
      .filter(({ client, side: at }) => at === side && (clients.length === 0 || clients.includes(client)))
      .map(({ text }) => text)
  expect(of("server").toSorted()).toEqual(of("client").toSorted())
  return of("client")
}

describeSystem("protocols over system calls", needed, () => {
  describeSystem("MySQL", ["/usr/sbin/mariadbd", "/usr/bin/mariadb"], () => {
    it("reads login, statements, rows and errors of MariaDB", () =>
      withServer(mariadb, async (port, capturing) => {
        const sql = `create database d; use d; create table t (a int); insert into t values (1), (2);
          select a from t where a > 1; select nope from t`
        const client = [
          "--no-defaults",
          "--protocol=tcp",
          "-h",
          "127.0.0.1",
          "-P",
          String(port),
          "-u",
          "root",
        ]
        const { output } = await runBeside("/usr/bin/mariadb", [...client, "-e", sql])
        expect(output).toContain("ERROR 1054")
        await capturing.settle()
        expect(bothSides(capturing.sessions(port), "mariadb")).toEqual([
          "mysql | Login | Login username: root | 0 | -",
          "mysql | COM_QUERY | create database d | 0 | -",
          "mysql | COM_QUERY | SELECT DATABASE() | 0 | -",
          "mysql | COM_INIT_DB | d | 0 | -",
          "mysql | COM_QUERY | create table t (a int) | 0 | -",
          "mysql | COM_QUERY | insert into t values (?), (?) | 0 | -",
          "mysql | COM_QUERY | select a from t where a > ? | 0 | -",
          "mysql | COM_QUERY | select nope from t | 3 | 1054",
          "mysql | COM_QUIT |  | - | -",
        ])
      }))
  })

  describeSystem("PostgreSQL", [`${postgresPrograms()}/postgres`, "/usr/bin/psql"], () => {
    it("reads login, statements and errors", () =>
      withServer(postgresql, async (port, capturing) => {
        const database = `host=127.0.0.1 port=${port} user=sonde password=secret dbname=postgres`
        const { output } = await runBeside("/usr/bin/psql", [
          ...["-X", database, "-c", "create table t (a int)", "-c", "insert into t values (1), (2)"],
          ...["-c", "select a from t where a > 1", "-c", "select nope from t"],
        ])
        expect(output).toContain("does not exist")
        await capturing.settle()
        expect(bothSides(capturing.sessions(port), "psql")).toEqual([
          "postgresql | Startup | Login username: sonde db: postgres | 0 | -",
          "postgresql | Q | create table t (a int) | 0 | -",
          "postgresql | Q | insert into t values (?), (?) | 0 | -",
          "postgresql | Q | select a from t where a > ? | 0 | -",
          "postgresql | Q | select nope from t | 4 | -",
          "postgresql | X |  | - | -",
        ])
      }))

    it("recognises a connection that is older than the agent by its next statement", async () => {
      const server = await postgresql()
      try {
        const database = `host=127.0.0.1 port=${server.port} user=sonde password=secret dbname=postgres`
        const session = spawn("/usr/bin/psql", ["-X", "-q", database], { stdio: ["pipe", "pipe", "inherit"] })
        const ended = once(session, "close")
        session.stdin.write("select 1 as before;\n")
        await once(session.stdout, "data")
        const capturing = await startCapturing({ isEverything: true })
        try {
          session.stdin.end("select 2 as later;\n")
          await ended
          await capturing.settle()
          expect(bothSides(capturing.sessions(server.port), "psql")).toEqual([
            "postgresql | Q | select ? as later; | 0 | -",
            "postgresql | X |  | - | -",
          ])
        } finally {
          await capturing.stop()
        }
      } finally {
        await server.stop()
      }
    })
  })

  describeSystem("Memcached", ["/usr/bin/memcached", "/usr/bin/memccp", "/usr/bin/memccat"], () => {
    for (const [kind, options, expected] of [
      ["text", [], ["set | set hosts 0 0 3 | 0 | -", "quit", "get | get hosts | 0 | -", "quit"]],
      ["binary", ["--binary"], ["set | set hosts | 0 | 0", "quit", "getk | getk hosts | 0 | 0", "quit"]],
    ] as const) {
      it(`reads the ${kind} protocol, and connections that follow begin with what is known of the server`, () =>
        withServer(memcached, async (port, capturing) => {
          const folder = mkdtempSync(join(tmpdir(), "sonde-kernel-"))
          const file = join(folder, "hosts")
          writeFileSync(file, "a b")
          const client = [...options, `--servers=127.0.0.1:${port}`]
          expect((await runBeside("/usr/bin/memccp", [...client, file])).status).toBe(0)
          rmSync(folder, { recursive: true })
          await capturing.settle()
          const { kernel_offered_total: offered = 0 } = capturing.stats()
          expect(offered).toBeGreaterThan(0)
          for (let i = 0; i < followers; i++) await runBeside("/usr/bin/memccat", [...client, "none"])
          expect((await runBeside("/usr/bin/memccat", [...client, "hosts"])).output).toContain("a b")
          await capturing.settle()
          // Each would offer five at either end; other programs of the machine may do so meanwhile.
          expect(capturing.stats()["kernel_offered_total"]! - offered).toBeLessThan(followers * 5)
          // The answer to a quit, which finds a client that is gone, or not yet.
          const seen = capturing.sessions(port).filter(({ text }) => text !== "memcached | - | - | 0 | 0")
          const sessions = bothSides(seen, "memccp", "memccat")
          expect([...sessions.slice(0, 2), ...sessions.slice(-2)]).toEqual(
            expected.map((text) => `memcached | ${text === "quit" ? "quit | quit | - | -" : text}`),
          )
        }))
    }
  })

  describeSystem("MQTT", ["/usr/sbin/mosquitto", "/usr/bin/mosquitto_pub", "/usr/bin/mosquitto_sub"], () => {
    it("reads subscriptions and publications of mosquitto", () =>
      withServer(mosquitto, async (port, capturing) => {
        const broker = ["-h", "127.0.0.1", "-p", String(port), "-t", "home/light"]
        const subscriber = runBeside("/usr/bin/mosquitto_sub", [...broker, "-C", "1"])
        await capturing.settle()
        await runBeside("/usr/bin/mosquitto_pub", [...broker, "-m", "on", "-q", "1"])
        expect((await subscriber).output).toBe("on\n")
        await capturing.settle()
        expect(bothSides(capturing.sessions(port), "mosquitto_pub")).toEqual([
          "mqtt | Connect |  | 0 | 0",
          "mqtt | Publish | home/light | 0 | -",
          "mqtt | Disconnect |  | - | -",
        ])
        expect(bothSides(capturing.sessions(port), "mosquitto_sub")).toEqual([
          "mqtt | Connect |  | 0 | 0",
          "mqtt | Subscribe | home/light | 0 | -",
          "mqtt | - | - | 5 | -",
          "mqtt | Disconnect |  | - | -",
        ])
      }))
  })

  describeSystem("NATS", ["/usr/sbin/nats-server"], () => {
    it("reads a subscription and what is published to it", () =>
      withServer(nats, async (port, capturing) => {
        const script = `
import socket
s = socket.create_connection(("127.0.0.1", ${port})); f = s.makefile("rb"); f.readline()
s.send(b'CONNECT {"verbose":false}\\r\\nSUB shop.orders 1\\r\\nPUB shop.orders 2\\r\\nhi\\r\\nPING\\r\\n')
while f.readline() != b"PONG\\r\\n": pass
s.close()`
        const { output, status } = await runBeside("/usr/bin/python3", ["-c", script])
        expect([status, output]).toEqual([0, ""])
        await capturing.settle()
        const sessions = capturing.sessions(port)
        // What the server says unasked it says before the client's process is known.
        const pushed = "nats | - | - | 5 | -"
        expect(
          bothSides(
            sessions.filter(({ text }) => text !== pushed),
            "python3",
          ),
        ).toEqual([
          "nats | Connect |  | - | -",
          "nats | Sub | shop.orders | - | -",
          "nats | Pub | shop.orders | - | -",
          "nats | Ping |  | 0 | -",
        ])
        const received = sessions.filter(({ side, text }) => side === "client" && text === pushed)
        expect(received).toHaveLength(2)
      }))

    it("reads all of many messages that go with one call", () =>
      withServer(nats, async (port, capturing) => {
        const script = `
import socket, time
s = socket.create_connection(("127.0.0.1", ${port})); f = s.makefile("rb"); f.readline()
s.send(b'CONNECT {"verbose":false}\\r\\nPING\\r\\n')
while f.readline() != b"PONG\\r\\n": pass
# Until it is known that this is NATS.
time.sleep(0.5)
s.send(b"".join(b"PUB shop.order%d 80\\r\\n" % n + b"x" * 80 + b"\\r\\n" for n in range(35)) + b'PING\\r\\n')
while f.readline() != b"PONG\\r\\n": pass
s.close()`
        const { output, status } = await runBeside("/usr/bin/python3", ["-c", script])
        expect([status, output]).toEqual([0, ""])
        await capturing.settle()
        const published = capturing.sessions(port).filter(({ text }) => text.startsWith("nats | Pub "))
        for (const side of ["client", "server"])
          expect(published.filter((one) => one.side === side).map(({ text }) => text)).toEqual(
            Array.from({ length: 35 }, (_, n) => `nats | Pub | shop.order${n} | - | -`),
          )
      }))
  })

  describeSystem("HTTP/2", ["/usr/sbin/nginx", "/usr/bin/curl"], () => {
    it("reads what curl and nginx say to each other without TLS", () =>
      withServer(
        () => nginx("http2"),
        async (port, capturing) => {
          for (const path of ["index.html", "broken", "none"]) {
            const url = `http://127.0.0.1:${port}/${path}`
            await runBeside("/usr/bin/curl", ["--silent", "--http2-prior-knowledge", url])
          }
          await capturing.settle()
          expect(bothSides(capturing.sessions(port), "curl")).toEqual([
            "http2 | GET | /index.html | 0 | 200",
            "http2 | GET | /broken | 3 | 500",
            "http2 | GET | /none | 4 | 404",
          ])
        },
      ))
  })

  describeSystem("Redis", ["/usr/bin/redis-server", "/usr/bin/redis-cli"], () => {
    it("reads commands that are written inline, too", () =>
      withServer(redis, async (port, capturing) => {
        const script = `
import socket
s = socket.create_connection(("127.0.0.1", ${port}))
for line in (b"SET a 1\\r\\n", b"GET a\\r\\n", b"NOPE\\r\\n"): s.send(line); s.recv(100)
s.close()`
        await runBeside("/usr/bin/python3", ["-c", script])
        await runBeside("/usr/bin/redis-cli", ["-p", String(port), "GET", "a"])
        await capturing.settle()
        expect(bothSides(capturing.sessions(port), "python3", "redis-cli")).toEqual([
          "redis | SET | SET a ? | 0 | -",
          "redis | GET | GET a | 0 | -",
          "redis | NOPE | NOPE | 3 | -",
          "redis | GET | GET a | 0 | -",
        ])
      }))
  })

  describeSystem("TLS", ["/usr/bin/openssl"], () => {
    it("reads the handshake and leaves what follows alone", () =>
      withServer(tlsServer, async (port, capturing) => {
        const script = `
import socket, ssl, time
context = ssl._create_unverified_context()
s = context.wrap_socket(socket.create_connection(("127.0.0.1", ${port})), server_hostname="sonde.test")
lines = s.makefile("rwb")
def ask(times):
    for i in range(times): lines.write(b"abc\\n"); lines.flush(); assert lines.readline() == b"cba\\n"
ask(5); time.sleep(0.3); ask(500)
s.close()`
        const { output, status } = await runBeside("/usr/bin/python3", ["-c", script])
        expect([status, output]).toEqual([0, ""])
        await capturing.settle()
        expect(bothSides(capturing.sessions(port), "python3")).toEqual([
          "tls | ClientHello | sonde.test | 0 | -",
        ])
        const stats = capturing.stats()
        expect(stats["kernel_delivered_total"]).toBeLessThan(500)
        expect(stats["kernel_filtered_total"]).toBeGreaterThanOrEqual(2_000)
      }))
  })

  describeSystem("DNS", ["/usr/sbin/dnsmasq", "/usr/bin/dig", "/usr/bin/getent", "/usr/sbin/ip"], () => {
    it("reads questions over UDP and TCP, of tools and of the C library", async () => {
      const capturing = await startCapturing()
      const folder = mkdtempSync(join(tmpdir(), "sonde-kernel-"))
      const resolver = join(folder, "resolv.conf")
      writeFileSync(resolver, "nameserver 127.0.0.1\n")
      const names =
        "--address=/www.example.org/10.1.2.3 --address=/www.example.org/2001:db8::5 --local=/example.org/"
      // Port 53 of a network namespace of their own, and the resolver's configuration in a mount namespace.
      const script = `
        ip link set lo up && mount --bind ${resolver} /etc/resolv.conf || exit 1
        dnsmasq --keep-in-foreground --conf-file=/dev/null --user=root --pid-file= --no-resolv --no-hosts ${names} &
        for i in $(seq 100); do dig +tcp +tries=1 probe.test >/dev/null && break; sleep 0.05; done
        dig +short www.example.org A
        dig +short none.example.org AAAA
        dig +short +tcp www.example.org A
        getent ahosts www.example.org
        kill $!`
      try {
        const { output } = await runBeside("/usr/bin/unshare", ["-n", "-m", "/bin/sh", "-c", script])
        expect(output).toContain("2001:db8::5")
        await capturing.settle()
        const seen = capturing.sessions(53).filter(({ text }) => !text.includes("probe.test"))
        // A datagram does not tell the server who asks, nor the other way round.
        expect(bothSides(seen).toSorted()).toEqual([
          "dns | A | www.example.org | 0 | 0",
          "dns | A | www.example.org | 0 | 0",
          "dns | A | www.example.org | 0 | 0",
          "dns | AAAA | none.example.org | 4 | 3",
          "dns | AAAA | www.example.org | 0 | 0",
        ])
        const servers = seen.filter(({ side }) => side === "server").map(({ server }) => server)
        expect(new Set(servers)).toEqual(new Set(["dnsmasq"]))
      } finally {
        rmSync(folder, { recursive: true })
        await capturing.stop()
      }
    })
  })

  describeSystem("datagrams of other ports", ["/usr/sbin/dnsmasq", "/usr/bin/dig", "/usr/bin/iperf3"], () => {
    it("are recognised by what they say", () =>
      withServer(dnsmasq, async (port, capturing) => {
        const ask = ["+tries=1", "+short", "-p", String(port), "@127.0.0.1", "web.shop.test", "A"]
        for (let i = 0; i < followers; i++) {
          const { output } = await runBeside("/usr/bin/dig", ask)
          expect(output).toContain("10.1.2.3")
          // Until the server's socket is known.
          if (i === 0) await sleep(300)
        }
        await capturing.settle()
        const texts = new Set(bothSides(capturing.sessions(port)))
        expect(texts).toEqual(new Set(["dns | A | web.shop.test | 0 | 0"]))
        expect(capturing.sessions(port).length).toBeGreaterThanOrEqual(2 * followers)
      }))

    it("that nobody reads are counted, each at both ends, and cost no event after the first", async () => {
      const capturing = await startCapturing()
      const server = await iperf3()
      const { port } = server
      try {
        const datagrams = 10_000
        const size = 1_000
        const before = capturing.stats()["kernel_offered_total"]!
        const { status } = await runBeside("/usr/bin/iperf3", [
          ...["-c", "127.0.0.1", "-p", String(port), "-u", "-b", "100M", "-l", String(size)],
          ...["-n", String(datagrams * size)],
        ])
        expect(status).toBe(0)
        // Sums are taken once a second.
        await sleep(1_500)
        await capturing.settle()
        // Two sockets of datagrams, and the two ends of the connection that controls them; others of the machine may say something.
        expect(capturing.stats()["kernel_offered_total"]! - before).toBeLessThan(2 * 64 + 2 * 4 + 64)
        await server.stop()
        await capturing.stop()
        // Loopback may drop what comes too fast.
        const flows = capturing.flows(port).filter(({ bytes }) => bytes[0] >= (datagrams * size) / 10)
        const [sent, received] = ["client", "server"].map((at) => flows.find(({ side }) => side === at))
        expect(sent).toMatchObject({ client: "iperf3" })
        expect(sent!.packets[0]).toBeGreaterThanOrEqual(datagrams)
        expect(sent!.bytes[0]).toBeGreaterThanOrEqual(datagrams * size)
        expect(received).toMatchObject({ server: "iperf3" })
        expect(received!.packets[0]).toBeLessThanOrEqual(sent!.packets[0])
      } finally {
        await server.stop()
      }
    })
  })

  describeSystem("none of ours", ["/usr/bin/iperf3"], () => {
    it("leaves a stream of bytes alone, and at last its server", () =>
      withServer(iperf3, async (port, capturing) => {
        const stream = () =>
          runBeside("/usr/bin/iperf3", ["-c", "127.0.0.1", "-p", String(port), "-n", "400M", "-l", "8K"])
        expect((await stream()).status).toBe(0)
        await capturing.settle()
        const first = capturing.stats()
        // Two connections with two ends each, of which the kernel offers at most 64 payloads.
        expect(first["kernel_offered_total"]).toBeLessThanOrEqual(4 * 64)
        expect(first["kernel_filtered_total"]).toBeGreaterThan(10_000)
        expect(first["verdicts_left_total"]).toBeGreaterThanOrEqual(4)
        expect((await stream()).status).toBe(0)
        await capturing.settle()
        const second = capturing.stats()
        // Other programs of the machine may have said something meanwhile.
        expect(second["kernel_delivered_total"]! - first["kernel_delivered_total"]!).toBeLessThan(64)
        expect(capturing.sessions(port)).toEqual([])
      }))
  })
})
