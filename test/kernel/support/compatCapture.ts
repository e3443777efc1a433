// A program of its own, in a mount namespace in which the kernel does not tell its types: captures as on an old kernel, has a server
// asked in several ways, prints the sessions of its port as JSON. Usage: compatCapture.ts SCENARIO.

import { spawn } from "node:child_process"
import { once } from "node:events"
import { nginx, redis } from "../../system/support/programs.ts"
import { mariadb } from "../../system/support/servers.ts"
import { type Capturing, runBeside, startCapturing } from "./capturing.ts"

const print = (capturing: Capturing, port: number): void => {
  const sessions = capturing.sessions(port)
  process.stdout.write(`${JSON.stringify({ sessions, stats: capturing.stats() })}\n`)
}

const scenarios: Record<string, () => Promise<void>> = {
  /** Three requests over one connection, among them a body that is sent in several calls. */
  http: async () => {
    const capturing = await startCapturing()
    const web = await nginx()
    const url = (path: string) => `http://127.0.0.1:${web.port}${path}`
    await runBeside("/usr/bin/curl", [
      "-s",
      "-o",
      "/dev/null",
      url("/ok/1"),
      "-o",
      "/dev/null",
      url("/big.bin"),
    ])
    await runBeside("/usr/bin/curl", ["-s", "-o", "/dev/null", url("/missing/2")])
    await capturing.settle()
    print(capturing, web.port)
    await capturing.stop()
    await web.stop()
  },
  /** What the kernel side does not know itself is decided by user space. */
  databases: async () => {
    const capturing = await startCapturing()
    const server = await mariadb()
    const client = [
      "--no-defaults",
      "--protocol=tcp",
      "-h",
      "127.0.0.1",
      "-P",
      String(server.port),
      "-u",
      "root",
    ]
    await runBeside("/usr/bin/mariadb", [...client, "-e", "select 1 as one; select nope"])
    await capturing.settle()
    print(capturing, server.port)
    await capturing.stop()
    await server.stop()
  },
  /** A connection that is older than the capture, by read and write. */
  older: async () => {
    const cache = await redis()
    const script = `
import os, socket, sys
end = socket.create_connection(("127.0.0.1", ${cache.port})); print("ready", flush=True)
sys.stdin.readline(); os.write(end.fileno(), b"*2\\r\\n$3\\r\\nGET\\r\\n$5\\r\\nolder\\r\\n"); os.read(end.fileno(), 100)`
    const client = spawn("/usr/bin/python3", ["-c", script], { stdio: ["pipe", "pipe", "inherit"] })
    await once(client.stdout, "data")
    const capturing = await startCapturing({ isEverything: true })
    client.stdin.end("\n")
    await once(client, "exit")
    await capturing.settle()
    print(capturing, cache.port)
    await capturing.stop()
    await cache.stop()
  },
}

await scenarios[process.argv[2]!]!()
process.exit(0)
