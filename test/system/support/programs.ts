// Real programs that the system tests observe, one small starter each. All on loopback, on free ports, ended by `stop`.

import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { connect, createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"

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
      server.close(() => (typeof address === "object" && address !== null ? resolve(address.port) : reject(new Error("no port"))))
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

const start = async (
  command: string,
  args: (port: number, folder: string) => ReadonlyArray<string>,
): Promise<Program> => {
  const port = await freePort()
  const folder = mkdtempSync(join(tmpdir(), "sonde-program-"))
  const child: ChildProcess = spawn(command, args(port, folder), { stdio: "ignore", cwd: folder })
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()))
  const stop = async (): Promise<void> => {
    child.kill("SIGTERM")
    const hard = setTimeout(() => child.kill("SIGKILL"), 3_000)
    await exited
    clearTimeout(hard)
    rmSync(folder, { recursive: true, force: true })
  }
  for (let i = 0; i < 200; i++) {
    if (await accepts(port)) return { port, pid: child.pid!, folder, stop }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  await stop()
  throw new Error(`${command} did not accept connections on port ${port}`)
}

/** nginx serving files, with one worker and keep-alive; /index.html exists. */
export const nginx = (): Promise<Program> =>
  start("/usr/sbin/nginx", (port, folder) => {
    mkdirSync(join(folder, "www"))
    writeFileSync(join(folder, "www/index.html"), "x".repeat(1_024))
    writeFileSync(
      join(folder, "nginx.conf"),
      `daemon off; worker_processes 1; pid ${folder}/pid; error_log ${folder}/error.log;
       events { worker_connections 512; }
       http { access_log off; keepalive_requests 1000000;
         client_body_temp_path ${folder}/a; proxy_temp_path ${folder}/b; fastcgi_temp_path ${folder}/c;
         uwsgi_temp_path ${folder}/d; scgi_temp_path ${folder}/e;
         server { listen 127.0.0.1:${port}; root ${folder}/www; } }`,
    )
    return ["-p", folder, "-c", join(folder, "nginx.conf")]
  })

/** Redis without persistence. */
export const redis = (): Promise<Program> =>
  start("/usr/bin/redis-server", (port, folder) => ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder])

/** `python3 -m http.server` on an empty directory. */
export const python = (): Promise<Program> =>
  start("/usr/bin/python3", (port) => ["-m", "http.server", "--bind", "127.0.0.1", String(port)])

/** Status and whole time in microseconds as curl measured it. */
export const curl = (url: string, ...args: ReadonlyArray<string>): { readonly status: number; readonly totalUs: number } => {
  const output = execFileSync(
    "/usr/bin/curl",
    ["--silent", "--output", "/dev/null", "--write-out", "%{http_code} %{time_total}", ...args, url],
    { encoding: "utf8", timeout: 20_000 },
  )
  const [status, seconds] = output.split(" ")
  return { status: Number(status), totalUs: Math.round(Number(seconds) * 1e6) }
}

/** Kernel programs of ours that are loaded now, by name. */
export const loadedPrograms = (): Array<string> =>
  (JSON.parse(execFileSync("/usr/sbin/bpftool", ["-j", "prog", "list"], { encoding: "utf8" })) as Array<{ name?: string }>)
    .map((program) => program.name ?? "")
    .filter((name) => name.startsWith("sonde"))
