// Real programs that the system tests observe, one small starter each. All on loopback, on free ports, ended by `stop`.

import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process"
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs"
import { connect, createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { until } from "./Sonde.ts"

export interface Program {
  readonly port: number
  readonly pid: number
  /** A directory of its own, removed at the end. */
  readonly folder: string
  stop(): Promise<void>
}

export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer()
    server.once("error", reject)
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      server.close(() =>
        typeof address === "object" && address !== null
          ? resolve(address.port)
          : reject(new Error("no port")),
      )
    })
  })

const accepts = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1")
    socket.once("connect", () => {
      socket.destroy()
      resolve(true)
    })
    socket.once("error", () => resolve(false))
  })

/** Of the process and those it started. */
const signal = (child: ChildProcess, name: NodeJS.Signals): void => {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, name)
  } catch {
    // They have ended.
  }
}

const running = new Set<ChildProcess>()
process.once("exit", () => {
  for (const child of running) signal(child, "SIGKILL")
})

/**
 * The program at `path` under another name in a folder of its own, so that what a test sees of it cannot be of another
 * process of the machine: services are named by program.
 */
export const renamed = (path: string, name: string, folder: string): string => {
  const copy = join(folder, name)
  copyFileSync(path, copy)
  chmodSync(copy, 0o755)
  return copy
}

/** Starts a server that listens on the port it is given; `name`: as a copy of this name. */
export const start = async (
  path: string,
  name: string | undefined,
  args: (port: number, folder: string) => ReadonlyArray<string>,
  readySeconds = 10,
): Promise<Program> => {
  const port = await freePort()
  const folder = mkdtempSync(join(tmpdir(), "sonde-program-"))
  const command = name === undefined ? path : renamed(path, name, folder)
  const child: ChildProcess = spawn(command, args(port, folder), {
    stdio: "ignore",
    cwd: folder,
    detached: true,
  })
  running.add(child)
  const exited = new Promise<void>((resolve) =>
    child.once("exit", () => {
      running.delete(child)
      resolve()
    }),
  )
  const stop = async (): Promise<void> => {
    signal(child, "SIGTERM")
    const hard = setTimeout(() => signal(child, "SIGKILL"), 3_000)
    await exited
    clearTimeout(hard)
    signal(child, "SIGKILL")
    rmSync(folder, { recursive: true, force: true })
  }
  for (let i = 0; i < readySeconds * 20; i++) {
    if (await accepts(port)) return { port, pid: child.pid!, folder, stop }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  await stop()
  throw new Error(`${command} did not accept connections on port ${port}`)
}

/**
 * nginx with one worker and keep-alive: /index.html (1 KB), /big.bin (300 kB), /ok answers 200, /broken 500, else 404.
 * `listen`: further parameters of its listening port.
 */
export const nginx = (listen = ""): Promise<Program> =>
  start("/usr/sbin/nginx", undefined, (port, folder) => {
    mkdirSync(join(folder, "www"))
    writeFileSync(join(folder, "www/index.html"), "x".repeat(1_024))
    writeFileSync(join(folder, "www/big.bin"), "y".repeat(300_000))
    writeFileSync(
      join(folder, "nginx.conf"),
      `daemon off; user root; worker_processes 1; pid ${folder}/pid; error_log ${folder}/error.log;
       events { worker_connections 512; }
       http { access_log off; keepalive_requests 1000000;
         client_body_temp_path ${folder}/a; proxy_temp_path ${folder}/b; fastcgi_temp_path ${folder}/c;
         uwsgi_temp_path ${folder}/d; scgi_temp_path ${folder}/e;
         server { listen 127.0.0.1:${port} ${listen}; root ${folder}/www;
           location /ok { return 200 "ok\\n"; }
           location /broken { return 500 "broken\\n"; } } }`,
    )
    return ["-p", folder, "-c", join(folder, "nginx.conf")]
  })

/** Redis without persistence. */
export const redis = (name?: string): Promise<Program> =>
  start("/usr/bin/redis-server", name, (port, folder) => [
    "--port",
    String(port),
    "--bind",
    "127.0.0.1",
    "--save",
    "",
    "--dir",
    folder,
  ])

/** `python3 -m http.server` on an empty directory. */
export const python = (): Promise<Program> =>
  start("/usr/bin/python3", undefined, (port) => ["-m", "http.server", "--bind", "127.0.0.1", String(port)])

export interface Answer {
  readonly status: number
  /** Whole time in microseconds as curl measured it. */
  readonly totalUs: number
}

export interface Run {
  readonly pid: number
  readonly output: string
}

/** Runs a program to its end, which must be a good one. */
export const runProgram = (path: string, args: ReadonlyArray<string>, input = ""): Run => {
  const run = spawnSync(path, args, { input, encoding: "latin1", timeout: 20_000, maxBuffer: 16_777_216 })
  if (run.error !== undefined) throw run.error
  if (run.status !== 0) throw new Error(`${path} ${args.join(" ")} ended with ${run.status}: ${run.stderr}`)
  return { pid: run.pid, output: run.stdout }
}

/** Runs curl (or the copy of it at `path`); one answer for each URL, all of one process. */
export const curl = (
  args: ReadonlyArray<string>,
  path = "/usr/bin/curl",
): { readonly pid: number; readonly answers: ReadonlyArray<Answer> } => {
  const writeOut = "\\n@%{http_code} %{time_total}\\n"
  const { output, pid } = runProgram(path, ["--silent", "--show-error", "--write-out", writeOut, ...args])
  const answers = output
    .split("\n")
    .filter((line) => line.startsWith("@"))
    .map((line) => {
      const [status, seconds] = line.slice(1).split(" ")
      return { status: Number(status), totalUs: Math.ceil(Number(seconds) * 1e6) }
    })
  return { pid, answers }
}

/** Ids of kernel programs named sonde_* that are loaded now, whoever loaded them. */
const loadedPrograms = (): ReadonlyArray<number> =>
  (
    JSON.parse(execFileSync("/usr/sbin/bpftool", ["-j", "prog", "list"], { encoding: "utf8" })) as Array<{
      readonly id: number
      readonly name?: string
    }>
  ).flatMap(({ id, name }) => (name?.startsWith("sonde_") ? [id] : []))

/** Ids of the kernel programs that a process holds, by itself or through an attachment. */
export const programsOf = (pid: number): ReadonlyArray<number> => {
  const folder = `/proc/${pid}/fdinfo`
  const ids = readdirSync(folder).flatMap((fd) => {
    try {
      const id = /^prog_id:\s*(\d+)$/m.exec(readFileSync(join(folder, fd), "utf8"))?.[1]
      return id === undefined ? [] : [Number(id)]
    } catch {
      return []
    }
  })
  return [...new Set(ids)]
}

/** Waits until none of these kernel programs is loaded: the kernel frees them a moment after their holder lets go. */
export const unloaded = async (ids: ReadonlyArray<number>): Promise<void> => {
  await until(
    `kernel programs ${ids.join()} are gone`,
    loadedPrograms,
    (loaded) => !ids.some((id) => loaded.includes(id)),
    3,
  )
}
