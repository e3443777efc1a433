// Real tunnels between this host and a network namespace, seen by the packet source: on the link alone, and on all interfaces at
// once, where each packet passes several. Kinds that the kernel does not have are skipped by name.

import { execFileSync, spawn, spawnSync } from "node:child_process"
import * as Schema from "effect/Schema"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { Exclusions } from "../../src/agent/capture/Exclusions.ts"
import { openPacketSource } from "../../src/agent/capture/PacketSource.ts"
import { Shedding } from "../../src/agent/capture/Shedding.ts"
import { sessionRecord } from "../../src/agent/flow/sessionRecord.ts"
import { Pipeline } from "../../src/agent/Pipeline.ts"
import { ProcessTable } from "../../src/agent/process/ProcessTable.ts"
import { ConfigSchema } from "../../src/runtime/configSchema.ts"
import { freePort } from "../system/support/programs.ts"
import { until } from "../system/support/Sonde.ts"
import { describeSystem } from "../system/support/system.ts"

const ip = "/usr/sbin/ip"
const python = "/usr/bin/python3"
const requests = 20

interface Kind {
  readonly name: string
  /** What `ip link add NAME` is told. */
  readonly link: (local: string, remote: string) => ReadonlyArray<string>
  /** Addresses within the tunnel, here and there. */
  readonly ends: readonly [string, string]
  /** Where the device leads to is said by a route, not by the device. */
  readonly isRouted?: boolean
}

const inner4 = ["10.78.77.1", "10.78.77.2"] as const
const inner6 = ["fd78:77::1", "fd78:77::2"] as const
const between = (local: string, remote: string): ReadonlyArray<string> => ["local", local, "remote", remote]

const kinds: ReadonlyArray<Kind> = [
  {
    name: "vxlan",
    link: (local, remote) => ["type", "vxlan", "id", "42", "dstport", "4789", ...between(local, remote)],
    ends: inner4,
  },
  {
    name: "vxlan with IPv6 within",
    link: (local, remote) => ["type", "vxlan", "id", "42", "dstport", "8472", ...between(local, remote)],
    ends: inner6,
  },
  {
    name: "vxlan on a port of its own",
    link: (local, remote) => ["type", "vxlan", "id", "42", "dstport", "5555", ...between(local, remote)],
    ends: inner4,
  },
  {
    name: "vxlan-gpe",
    link: () => ["type", "vxlan", "dstport", "4790", "external", "gpe"],
    ends: inner4,
    isRouted: true,
  },
  {
    name: "geneve",
    link: (_local, remote) => ["type", "geneve", "id", "42", "remote", remote],
    ends: inner4,
  },
  {
    name: "gre",
    link: (local, remote) => ["type", "gre", "key", "42", ...between(local, remote)],
    ends: inner4,
  },
  {
    name: "teb",
    link: (local, remote) => ["type", "gretap", "key", "42", ...between(local, remote)],
    ends: inner4,
  },
  {
    name: "erspan",
    link: (local, remote) => [
      ...["type", "erspan", "seq", "key", "42", "erspan_ver", "1", "erspan", "7"],
      ...between(local, remote),
    ],
    ends: inner4,
  },
  { name: "ipip", link: (local, remote) => ["type", "ipip", ...between(local, remote)], ends: inner4 },
  { name: "6in4", link: (local, remote) => ["type", "sit", ...between(local, remote)], ends: inner6 },
]

/** Requests over one connection, then a question whose answer needs several fragments. */
const serverScript = `
import socket, struct, sys
address, port, requests = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
family = socket.AF_INET6 if ":" in address else socket.AF_INET
listener = socket.create_server((address, port), family=family)
datagrams = socket.socket(family, socket.SOCK_DGRAM); datagrams.bind((address, port))
print("ready", flush=True)
end = listener.accept()[0]
for i in range(requests):
    data = b""
    while b"\\r\\n\\r\\n" not in data: data += end.recv(4096)
    end.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 5000\\r\\n\\r\\n" + b"x" * 5000)
end.recv(1); end.close()
query, peer = datagrams.recvfrom(512)
text = b"\\xc0\\x0c\\0\\x10\\0\\1\\0\\0\\0\\x3c" + struct.pack("!HB", 251, 250) + b"t" * 250
datagrams.sendto(query[:2] + b"\\x81\\x80\\0\\1\\0\\x0f\\0\\0\\0\\0" + query[12:] + text * 15, peer)`

const clientScript = `
import socket, sys
address, port, requests = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
end = socket.create_connection((address, port))
for i in range(requests):
    end.sendall(b"GET /%d HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n" % i)
    data = b""
    while b"\\r\\n\\r\\n" not in data or len(data) - data.index(b"\\r\\n\\r\\n") < 5004: data += end.recv(65536)
end.close()
datagrams = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
datagrams.settimeout(30)
datagrams.connect((address, port))
datagrams.send(b"\\0\\7\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0\\7example\\3org\\0\\0\\x10\\0\\1")
print(len(datagrams.recv(65536)))`

describeSystem("tunnels", [python, ip], () => {
  const space = `sondet${process.pid}`
  const [near, far, tunnel] = [`ta${process.pid}`, `tb${process.pid}`, `tt${process.pid}`]
  const [here, there] = ["198.18.78.1", "198.18.78.2"]
  const run = (...args: ReadonlyArray<string>): string =>
    execFileSync(ip, args, { encoding: "utf8", stdio: "pipe" })

  beforeAll(() => {
    run("netns", "add", space)
    run("link", "add", near, "type", "veth", "peer", "name", far, "netns", space)
    run("addr", "add", `${here}/30`, "dev", near)
    run("link", "set", near, "up")
    run("-n", space, "addr", "add", `${there}/30`, "dev", far)
    run("-n", space, "link", "set", far, "up")
  })
  afterAll(() => {
    spawnSync(ip, ["link", "del", near])
    spawnSync(ip, ["netns", "del", space])
  })

  const exchange = async (address: string, port: number): Promise<void> => {
    const args = [address, String(port), String(requests)]
    const server = spawn(python, ["-c", serverScript, ...args], { stdio: ["ignore", "pipe", "inherit"] })
    try {
      await new Promise<void>((resolve, reject) => {
        server.once("exit", (code) => reject(new Error(`the server ended with ${code}`)))
        server.stdout.once("data", () => resolve())
      })
      execFileSync(ip, ["netns", "exec", space, python, "-c", clientScript, ...args], { stdio: "pipe" })
    } finally {
      server.kill()
    }
  }

  /** Requests that the packet source makes of an exchange, and its counters. */
  const capture = async (device: string, address: string) => {
    const found: Array<Readonly<Record<string, unknown>>> = []
    const port = await freePort()
    const pipeline = new Pipeline({
      maskLiterals: true,
      sessionTimeoutUs: 120_000_000,
      maxConnections: 1_024,
      flowIdSeed: 0,
      emit: () => {},
      onSession: (session, connection) => {
        const record = sessionRecord(session, connection)
        if (String(record["server"]).endsWith(`:${port}`)) found.push(record)
      },
    })
    const agent = Schema.decodeUnknownSync(ConfigSchema)({ agent: { interface: device } }).agent
    const opened = await openPacketSource(
      {
        options: { agent, excludePids: [], excludePorts: [] },
        exclusions: new Exclusions([], [], []),
        pipeline,
        processes: new ProcessTable(),
        shedding: new Shedding(),
        log: () => {},
      },
      [],
    )
    if (!("source" in opened)) throw new Error(opened.refused[0]?.missing)
    const { source } = opened
    try {
      await exchange(address, port)
      await until(
        "the answer to the question, which comes last",
        () => {
          source.drain(Date.now())
          return found
        },
        (records) => records.some((record) => record["protocol"] === "DNS"),
        30,
      )
      return { found, stats: source.stats() }
    } finally {
      await source.close()
    }
  }

  /** One end of a tunnel: the device, its address, the way to the other end. */
  const build = (
    prefix: ReadonlyArray<string>,
    { isRouted, link }: Kind,
    [own, other]: readonly [string, string],
    [ownInner, otherInner]: readonly [string, string],
  ): void => {
    run(...prefix, "link", "add", tunnel, ...link(own, other))
    const length = ownInner.includes(":") ? 128 : 32
    const nodad = length === 128 ? ["nodad"] : []
    run(...prefix, "addr", "add", `${ownInner}/${length}`, "dev", tunnel, ...nodad)
    run(...prefix, "link", "set", tunnel, "up")
    const encapsulation = isRouted === true ? ["encap", "ip", "id", "42", "dst", other] : []
    run(
      ...prefix,
      "route",
      "add",
      `${otherInner}/${length}`,
      ...encapsulation,
      "dev",
      tunnel,
      "src",
      ownInner,
    )
  }

  for (const kind of kinds) {
    const { ends, name } = kind
    describe(name, () => {
      let missing = ""
      beforeAll(() => {
        try {
          build([], kind, [here, there], ends)
        } catch (cause) {
          const { stderr } = cause as { readonly stderr?: string }
          missing = (stderr ?? String(cause)).trim()
          console.warn(`SKIPPED tunnels ${name}: ${missing}`)
          return
        }
        build(["-n", space], kind, [there, here], [ends[1], ends[0]])
      })
      afterAll(() => {
        spawnSync(ip, ["link", "del", tunnel])
        spawnSync(ip, ["-n", space, "link", "del", tunnel])
      })

      it.for([
        ["the link under it", near],
        ["all interfaces", ""],
      ] as const)("each request once: %s", async ([_name, device], { skip }) => {
        skip(missing !== "", missing)
        const { found, stats } = await capture(device, ends[0])
        const web = found.filter((record) => record["protocol"] === "HTTP")
        expect(web.map((record) => record["request_resource"])).toEqual(
          Array.from({ length: requests }, (_, i) => `/${i}`),
        )
        const [client, server] = ends
          .map((address) => (address.includes(":") ? `[${address}]` : address))
          .toReversed()
        for (const record of found) {
          expect(record["response_status"]).toBe("ok")
          expect(String(record["client"]).startsWith(`${client}:`)).toBe(true)
          expect(String(record["server"]).startsWith(`${server}:`)).toBe(true)
        }
        expect(found.filter((record) => record["protocol"] === "DNS")).toHaveLength(1)
        expect(stats["fragmented_packets_reassembled_total"]).toBeGreaterThan(0)
        if (device === "") expect(stats["packets_duplicate_total"]).toBeGreaterThan(requests * 2)
        else expect(stats["packets_duplicate_total"]).toBe(0)
      })
    })
  }
})
