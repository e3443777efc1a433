// What is wrong is told in one line that says what to do, with exit status 1, and leaves nothing running; what goes wrong
// later is survived.

import { execFileSync } from "node:child_process"
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs"
import { connect, createServer, type Server } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { afterEach, beforeEach, expect, it } from "vitest"
import { listPids, readProcess } from "../../src/agent/process/procfs.ts"
import { curl, type Program, python, redis, runProgram } from "./support/programs.ts"
import { type Finished, Sonde, sonde, until } from "./support/Sonde.ts"
import { describeSystem } from "./support/system.ts"

/** Seconds in which a start that cannot succeed must have failed. */
const failsWithin = 10

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sonde-test-"))
})
afterEach(() => rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 }))

/** Lines of standard error that are neither the heading ERROR nor log lines of what went well. */
const complaints = ({ stderr }: Finished): ReadonlyArray<string> =>
  stderr
    .split("\n")
    .filter((line) => !["", "ERROR"].includes(line.trim()) && !line.startsWith('{"level":"info"'))

const mentions = (text: string): ReadonlyArray<number> =>
  listPids().filter((pid) => readProcess(pid)?.args.some((argument) => argument.includes(text)))

/** Starts `sonde up` where it must fail, and gives its one line. */
const refused = async (
  args: ReadonlyArray<string>,
  wrapper: ReadonlyArray<string> = [],
  data = join(folder, "data"),
): Promise<string> => {
  const base = [
    "up",
    "--json",
    "--data",
    data,
    "--set",
    "ingest.port=0",
    "--set",
    "control.port=0",
    "--set",
    "admin.port=0",
    "--http",
    "0",
  ]
  const finished = await sonde([...base, ...args], { wrapper, seconds: failsWithin })
  expect(finished.code, finished.stderr).toBe(1)
  expect(finished.stdout).toBe("")
  const lines = complaints(finished)
  expect(lines).toHaveLength(1)
  // Agent and database carry the directory in their arguments.
  expect(mentions(data)).toEqual([])
  return lines[0]!
}

const listener = (): Promise<{ readonly server: Server; readonly port: number }> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address()
      resolve({ server, port: typeof address === "object" && address !== null ? address.port : 0 })
    })
  })

describeSystem("a start that cannot succeed", [], () => {
  for (const [key, option] of [
    ["http.port", "--http"],
    ["ingest.port", "ingest.port"],
  ] as const) {
    it(`${key} taken: names the holder and the option`, async () => {
      const { port, server } = await listener()
      try {
        const line = await refused(["--set", `${key}=${port}`])
        expect(line).toContain(`127.0.0.1:${port}`)
        expect(line).toContain(`pid ${process.pid}`)
        expect(line).toContain(option)
      } finally {
        server.close()
      }
    })
  }

  it("data directory not writable: says so and what to do", async () => {
    const data = join(folder, "theirs")
    mkdirSync(data, { mode: 0o755 })
    chmodSync(folder, 0o755)
    const nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
    const line = await refused([], nobody, data)
    expect(line).toContain(data)
    expect(line).toContain("--data")
    expect(line).toContain("EACCES")
  })

  it("data directory in use by another Sonde: names it", async () => {
    const first = new Sonde({ command: "server", data: join(folder, "data") })
    try {
      const { pid } = await first.ready
      const finished = await sonde([
        "up",
        "--data",
        first.data,
        "--http",
        "0",
        "--set",
        "ingest.port=0",
        "--set",
        "control.port=0",
        "--set",
        "admin.port=0",
      ])
      expect(finished.code).toBe(1)
      expect(complaints(finished)).toHaveLength(1)
      expect(finished.stderr).toContain(`process ${pid}`)
      expect(finished.stderr).toContain("--data")
      expect(await first.sql("SELECT 1 AS one")).toEqual([{ one: 1 }])
    } finally {
      await first.stop()
    }
  })

  it("unknown key: names it, and the one that was meant", async () => {
    const file = join(folder, "sonde.yaml")
    writeFileSync(file, "http:\n  prot: 1\n")
    const line = await refused(["--config", file])
    expect(line).toContain("http.prot")
    expect(line).toContain("http.port")
    expect(await refused(["--set", "agent.flushms=1"])).toContain("agent.flushMs")
  })

  it("wrong value: names key, value and what is expected", async () => {
    const file = join(folder, "sonde.yaml")
    writeFileSync(file, "http:\n  host: 7\n")
    const line = await refused(["--config", file])
    expect(line).toContain("http.host")
    const other = await refused(["--set", "agent.capture=everything"])
    for (const word of ["agent.capture", "everything", "auto", "ebpf"]) expect(other).toContain(word)
    expect(await refused(["--set", "agent.ringMiB=100000"])).toContain("256")
  })

  it("file that is no YAML, or not there: says which", async () => {
    const file = join(folder, "sonde.yaml")
    writeFileSync(file, "http: [1, 2\n")
    expect(await refused(["--config", file])).toContain(file)
    expect(await refused(["--config", join(folder, "absent.yaml")])).toContain("absent.yaml")
  })

  it("ClickHouse that does not answer: names its address", async () => {
    const line = await refused(["--set", "storage.mode=remote", "--set", "storage.url=http://127.0.0.1:1"])
    expect(line).toContain("http://127.0.0.1:1")
  })
})

describeSystem("a disk that fills up", ["/usr/bin/python3", "/usr/bin/curl"], () => {
  let web: Program
  let disk: string

  beforeEach(async () => {
    web = await python()
    disk = join(folder, "disk")
    mkdirSync(disk)
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=160m", "tmpfs", disk])
  })
  afterEach(async () => {
    await web.stop()
    execFileSync("umount", ["--lazy", disk])
  })

  const free = (): number => {
    const { bavail, bsize } = statfsSync(disk)
    return bavail * bsize
  }

  it("is told, survived, and nothing is lost when space is freed", async () => {
    const observer = new Sonde({ data: join(disk, "data") })
    const count = async (): Promise<number> =>
      Number(
        (
          await observer.sql(
            `SELECT uniqExact(request_resource) AS paths FROM flow_log.l7_flow_log WHERE server_port = ${web.port}`,
          )
        )[0]!["paths"],
      )
    const request = (from: number, to: number): void => {
      for (let i = from; i < to; i++) curl([`http://127.0.0.1:${web.port}/${i}`])
    }
    try {
      await observer.capturing()
      request(0, 10)
      await until("10 paths", count, (paths) => paths === 10)
      const filler = join(disk, "filler")
      const chunk = Buffer.alloc(1_048_576)
      for (let size = 1_048_576; size >= 4_096; size = size / 2) {
        while (free() > size) writeFileSync(filler, chunk.subarray(0, size), { flag: "a" })
      }
      expect(free()).toBeLessThan(8_192)
      request(10, 30)
      await until(
        "it says that the disk is full",
        () => observer.log,
        (log) => /disk .*full/.test(log),
        20,
      )
      // Pages and questions still work.
      expect(await observer.sql("SELECT 1 AS one")).toEqual([{ one: 1 }])
      expect(await count()).toBeGreaterThanOrEqual(10)
      expect(observer.child.exitCode).toBeNull()
      rmSync(filler)
      await until("all 30 paths", count, (paths) => paths === 30, 30)
      request(30, 40)
      await until("40 paths", count, (paths) => paths === 40)
      const twice = await observer.sql(
        `SELECT request_resource FROM flow_log.l7_flow_log WHERE server_port = ${web.port}
         GROUP BY request_resource, observation_point HAVING count() > 1`,
      )
      expect(twice).toEqual([])
    } finally {
      await observer.stop()
    }
  })

  it("already full: refuses to start in one line", async () => {
    writeFileSync(join(disk, "filler"), Buffer.alloc(120 * 1_048_576))
    const line = await refused([], [], join(disk, "data"))
    expect(line).toContain("full")
    expect(line).toContain(join(disk, "data"))
  })
})

/** Sends the pieces one after the other and takes what comes, until either side ends or half a second has passed. */
const abuse = (port: number, pieces: ReadonlyArray<Buffer | string>): Promise<void> =>
  new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1")
    const end = (): void => {
      socket.destroy()
      resolve()
    }
    socket.setTimeout(500, end)
    socket.on("error", end).on("close", end).resume()
    for (const piece of pieces) socket.write(piece)
  })

/** The same bytes every time. */
const noise = (seed: number, length: number): Buffer => {
  const bytes = Buffer.alloc(length)
  let state = seed
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    bytes[i] = state >>> 24
  }
  return bytes
}

const hostileHttp: ReadonlyArray<ReadonlyArray<Buffer | string>> = [
  ["GET / HTTP/1.1\r\n", ...Array.from({ length: 2_000 }, (_, i) => `x-${i}: ${"a".repeat(100)}\r\n`)],
  ["GET /", "a".repeat(200_000), " HTTP/1.1\r\n\r\n"],
  ["POST / HTTP/1.1\r\ncontent-length: 99999999999999999999\r\n\r\n", noise(1, 10_000)],
  ["POST / HTTP/1.1\r\ncontent-length: -5\r\n\r\nabc"],
  ["POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffff\r\n", noise(2, 10_000)],
  ["GET / HTTP/1.1\r\nhost: ", noise(3, 5_000), "\r\n\r\n"],
  ["GET / HTTP/1.1\r\n\r\n".repeat(2_000)],
  ["HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"],
  ["\r\n".repeat(20_000)],
  ...Array.from({ length: 10 }, (_, i) => [noise(10 + i, 20_000)]),
  ...Array.from({ length: 10 }, (_, i) => ["GET / HTTP/1.1\r\n", noise(30 + i, 2_000), "\r\n\r\n"]),
]

const hostileResp: ReadonlyArray<ReadonlyArray<Buffer | string>> = [
  ["*2147483647\r\n", noise(1, 10_000)],
  ["*99999999999999999999999\r\n$3\r\nGET\r\n"],
  ["*2\r\n$2147483647\r\n", noise(2, 10_000)],
  ["*2\r\n$-7\r\nGET\r\n"],
  ["*1\r\n".repeat(50_000)],
  ["*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$200000\r\n", noise(3, 200_000), "\r\n"],
  ["PING\r\n".repeat(5_000)],
  ["GET ", "a".repeat(100_000)],
  ...Array.from({ length: 10 }, (_, i) => [noise(50 + i, 20_000)]),
  ...Array.from({ length: 10 }, (_, i) => ["*2\r\n$3\r\nGET\r\n$5\r\n", noise(70 + i, 2_000)]),
]

describeSystem("hostile clients", ["/usr/bin/python3", "/usr/bin/redis-server", "/usr/bin/redis-cli"], () => {
  it("do not keep it from seeing the good ones", async () => {
    const [web, store] = await Promise.all([python(), redis()])
    const observer = new Sonde()
    try {
      await observer.capturing()
      const agent = observer.agentPid
      for (const pieces of hostileHttp) await abuse(web.port, pieces)
      for (const pieces of hostileResp) await abuse(store.port, pieces)
      await sleep(1_000)
      curl([`http://127.0.0.1:${web.port}/good`])
      runProgram("/usr/bin/redis-cli", ["-p", String(store.port), "GET", "good"])
      const good = await observer.sqlUntil(
        `SELECT request_resource AS resource, observation_point AS point FROM flow_log.l7_flow_log
         WHERE server_port IN (${web.port}, ${store.port}) AND endsWith(request_resource, 'good') ORDER BY ALL`,
        (rows) => rows.length >= 4,
      )
      expect(good).toEqual([
        { resource: "/good", point: "c-p" },
        { resource: "/good", point: "s-p" },
        { resource: "GET good", point: "c-p" },
        { resource: "GET good", point: "s-p" },
      ])
      expect(observer.agentPid).toBe(agent)
      expect(observer.log).not.toMatch(/failed|Error/)
    } finally {
      await observer.stop()
      await Promise.all([web.stop(), store.stop()])
    }
  })
})

describeSystem("a capture file that is none", [], () => {
  /** Header of a little-endian pcap file with Ethernet frames, then one record's header. */
  const pcap = (captured: number): Buffer => {
    const bytes = Buffer.alloc(24 + 16)
    bytes.writeUInt32LE(0xa1b2c3d4, 0)
    bytes.writeUInt16LE(2, 4)
    bytes.writeUInt16LE(4, 6)
    bytes.writeUInt32LE(65_535, 16)
    bytes.writeUInt32LE(1, 20)
    bytes.writeUInt32LE(captured, 32)
    bytes.writeUInt32LE(captured, 36)
    return bytes
  }

  for (const [what, bytes, word] of [
    ["empty", Buffer.alloc(0), "empty"],
    ["of another kind", Buffer.from("PK\u0003\u0004 this is an archive"), "pcap"],
    ["with a hostile length", pcap(0x7fffffff), "corrupt at byte 32"],
    ["of noise after its header", Buffer.concat([pcap(0).subarray(0, 24), noise(7, 5_000)]), "corrupt"],
  ] as const) {
    it(`${what}: says so in one line`, async () => {
      const file = join(folder, "capture.pcap")
      writeFileSync(file, bytes)
      const finished = await sonde(["replay", file, "--json"], { seconds: failsWithin })
      expect(finished.code).toBe(1)
      expect(complaints(finished)).toHaveLength(1)
      expect(finished.stderr).toContain(file)
      expect(finished.stderr).toContain(word)
    })
  }

  it("cut off: gives what is whole, with a warning", async () => {
    const file = join(folder, "capture.pcap")
    writeFileSync(file, pcap(60))
    const finished = await sonde(["replay", file, "--json"], { seconds: failsWithin })
    expect(finished.code).toBe(0)
    expect(complaints(finished)).toHaveLength(1)
    expect(finished.stderr).toMatch(/warning.*cut off/)
  })
})
