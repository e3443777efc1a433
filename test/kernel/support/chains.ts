// Servers that call other servers for each request, one concurrency model each. The truth is in the bytes: a request for /ID makes its
// server ask for ID further on, so that rows which are joined can be compared by what they asked for.

import { execFileSync, spawn, spawnSync } from "node:child_process"
import { existsSync, mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { type Program, start } from "../../system/support/programs.ts"
import { selfSigned } from "../../system/support/servers.ts"
import type { CausalRow } from "./capturing.ts"

/** What client rows of one process and one upstream are joined with. */
export interface Joined {
  readonly right: number
  readonly wrong: number
  readonly unknown: number
}

const idOf = (text: string): string => /x\d+x/.exec(text)?.[0] ?? ""

/**
 * Of the calls to `upstream` that the servers at `front` made for requests that they answered: the load ends with requests under way.
 */
export const joined = (rows: ReadonlyArray<CausalRow>, front: number, upstream: number): Joined => {
  const served = new Map<string, string>()
  const pids = new Set<number>()
  const unanswered = new Set<string>()
  for (const { id, isAnswered, isServer, pid, serverPort, text } of rows) {
    if (!isServer || serverPort !== front) continue
    pids.add(pid)
    if (!isAnswered) unanswered.add(idOf(text))
    served.set(`${pid} ${id}`, idOf(text))
  }
  const counted = { right: 0, wrong: 0, unknown: 0 }
  for (const { id, isServer, pid, serverPort, text } of rows) {
    if (isServer || serverPort !== upstream || !pids.has(pid)) continue
    if (idOf(text) === "" || unanswered.has(idOf(text))) continue
    const parent = id === 0 ? undefined : served.get(`${pid} ${id}`)
    if (parent === undefined) counted.unknown++
    else if (parent === idOf(text)) counted.right++
    else counted.wrong++
  }
  return counted
}

/** Answers everything; what is asked for is looked at by nobody. */
export const backend = (): Promise<Program> =>
  start("/usr/sbin/nginx", undefined, (port, folder) => {
    writeFileSync(
      join(folder, "nginx.conf"),
      `daemon off; user root; worker_processes 1; pid ${folder}/pid; error_log ${folder}/error.log;
       events { worker_connections 2048; }
       http { access_log off; keepalive_requests 10000000; ${temporary(folder)}
         server { listen 127.0.0.1:${port} backlog=2048; location / { return 200 "ok\\n"; } } }`,
    )
    return ["-p", folder, "-c", join(folder, "nginx.conf")]
  })

const temporary = (folder: string): string =>
  ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${folder}/${name};`)
    .join(" ")

/** `keepAlive`: connections to the upstream are used again. */
export const nginxProxy = (upstream: number, keepAlive: boolean): Promise<Program> =>
  start("/usr/sbin/nginx", undefined, (port, folder) => {
    writeFileSync(
      join(folder, "nginx.conf"),
      `daemon off; user root; worker_processes 1; pid ${folder}/pid; error_log ${folder}/error.log;
       events { worker_connections 2048; }
       http { access_log off; keepalive_requests 10000000; ${temporary(folder)}
         upstream up { server 127.0.0.1:${upstream}; ${keepAlive ? "keepalive 256;" : ""} }
         server { listen 127.0.0.1:${port} backlog=2048;
           location / { proxy_pass http://up; ${
             keepAlive ? 'proxy_http_version 1.1; proxy_set_header Connection "";' : ""
           } } } }`,
    )
    return ["-p", folder, "-c", join(folder, "nginx.conf")]
  })

/** A thread for each connection; each asks Redis twice and the upstream once, over connections of its own. */
export const pythonThreads = (upstream: number, redis: number, isSecure = false): Promise<Program> =>
  start("/usr/bin/python3", undefined, (port, folder) => [
    "-c",
    `
import http.client, http.server, socket, socketserver, ssl, threading
local = threading.local()
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *_): pass
    def ask(self, key):
        local.redis.sendall(b"*2\\r\\n$3\\r\\nGET\\r\\n$%d\\r\\n%s\\r\\n" % (len(key), key))
        local.redis.recv(100)
    def do_GET(self):
        if not hasattr(local, "redis"):
            local.redis = socket.create_connection(("127.0.0.1", ${redis}), timeout=10)
            local.http = http.client.HTTPConnection("127.0.0.1", ${upstream}, timeout=10)
        key = self.path[1:].encode()
        self.ask(key)
        local.http.request("GET", "/" + key.decode()); local.http.getresponse().read()
        self.ask(key)
        self.send_response(200); self.send_header("Content-Length", "2"); self.end_headers(); self.wfile.write(b"ok")
class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    request_queue_size = 1024; daemon_threads = True
server = Server(("127.0.0.1", ${port}), Handler)
${isSecure ? securely(folder) : ""}
server.serve_forever()`,
  ])

const securely = (folder: string): string => {
  const [key, certificate] = selfSigned(folder)
  return `
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("${certificate}", "${key}")
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)`
}

export type NodeWay = "pipe" | "chain" | "parallel" | "timer"

/** One thread: passes the answer on, asks twice in turn, twice at once, or only after a random time. */
export const nodeProxy = (upstream: number, way: NodeWay, isSecure = false): Promise<Program> =>
  start(process.execPath, undefined, (port, folder) => [
    "-e",
    `const [http, https, { readFileSync }] = [require("node:http"), require("node:https"), require("node:fs")]
     const agent = new http.Agent({ keepAlive: true, maxSockets: 512 })
     const get = (path) => new Promise((resolve, reject) => http.get({ host: "127.0.0.1", port: ${upstream}, path, agent }, (answer) => {
       let text = ""; answer.on("data", (part) => (text += part)); answer.on("end", () => resolve(text)) }).on("error", reject))
     const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
     const ways = {
       chain: async (path) => (await get(path)) + (await get(path)),
       parallel: async (path) => (await Promise.all([get(path), get(path)])).join(""),
       timer: async (path) => { await sleep(Math.random() * 5); return get(path) } }
     ${isSecure ? `https.createServer(${keysOf(folder)}, ` : "http.createServer("}(request, response) => {
       if ("${way}" === "pipe") http.get({ host: "127.0.0.1", port: ${upstream}, path: request.url, agent }, (answer) => answer.pipe(response))
       else ways["${way}"](request.url).then((text) => response.end(text))
     }).listen(${port}, "127.0.0.1", 2048)`,
  ])

const keysOf = (folder: string): string => {
  const [key, certificate] = selfSigned(folder)
  return `{ key: readFileSync("${key}"), cert: readFileSync("${certificate}") }`
}

/** One thread reads all requests; workers take them out of a queue, ask the upstream and answer. */
export const pythonQueue = (upstream: number): Promise<Program> =>
  start("/usr/bin/python3", undefined, (port) => [
    "-c",
    `
import http.client, queue, selectors, socket, threading
jobs = queue.Queue()
def work():
    upstream = http.client.HTTPConnection("127.0.0.1", ${upstream})
    while True:
        connection, path = jobs.get()
        upstream.request("GET", path); upstream.getresponse().read()
        connection.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok")
for _ in range(8): threading.Thread(target=work, daemon=True).start()
listener = socket.create_server(("127.0.0.1", ${port}), backlog=1024)
ready = selectors.DefaultSelector(); ready.register(listener, selectors.EVENT_READ)
while True:
    for key, _ in ready.select():
        if key.fileobj is listener:
            ready.register(listener.accept()[0], selectors.EVENT_READ)
            continue
        data = key.fileobj.recv(4096)
        if data: jobs.put((key.fileobj, data.split(b" ")[1].decode()))
        else: ready.unregister(key.fileobj); key.fileobj.close()`,
  ])

/** A thread for each connection, which has a thread of a pool ask and waits for it. */
export const pythonExecutor = (upstream: number): Promise<Program> =>
  start("/usr/bin/python3", undefined, (port) => [
    "-c",
    `
import http.client, socket, threading
from concurrent.futures import ThreadPoolExecutor
kept = threading.local()
def ask(path):
    if not hasattr(kept, "upstream"): kept.upstream = http.client.HTTPConnection("127.0.0.1", ${upstream})
    kept.upstream.request("GET", path); kept.upstream.getresponse().read()
pool = ThreadPoolExecutor(16)
def serve(connection):
    while data := connection.recv(4096):
        pool.submit(ask, data.split(b" ")[1].decode()).result()
        connection.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok")
listener = socket.create_server(("127.0.0.1", ${port}), backlog=1024)
while True: threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()`,
  ])

/** A task for each connection. */
export const asyncioProxy = (upstream: number): Promise<Program> =>
  start("/usr/bin/python3", undefined, (port) => [
    "-c",
    `
import asyncio
pool = []
async def ask(path):
    reader, writer = pool.pop() if pool else await asyncio.open_connection("127.0.0.1", ${upstream})
    writer.write(b"GET %s HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n" % path)
    head = await reader.readuntil(b"\\r\\n\\r\\n")
    await reader.readexactly(3)
    pool.append((reader, writer))
async def serve(reader, writer):
    try:
        while True:
            head = await reader.readuntil(b"\\r\\n\\r\\n")
            await ask(head.split(b" ")[1])
            writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok")
            await writer.drain()
    except asyncio.IncompleteReadError: writer.close()
async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", ${port}, backlog=2048)
    await server.serve_forever()
asyncio.run(main())`,
  ])

/** What a program in Python needs beside the interpreter; "": it is there. */
export const lacksPython = (...modules: ReadonlyArray<string>): string =>
  spawnSync("/usr/bin/python3", ["-c", `import ${modules.join(", ")}`]).status === 0 ? "" : modules.join(", ")

/** A task for each request; over pools of connections it asks the upstream, then Redis. */
export const aiohttpServer = (upstream: number, redis: number): Promise<Program> =>
  start("/usr/bin/python3", undefined, (port) => [
    "-c",
    `
import aiohttp
from aiohttp import web
from redis.asyncio import Redis
async def answer(request):
    key = request.match_info["key"]
    async with request.app["http"].get("http://127.0.0.1:${upstream}/" + key) as response:
        await response.read()
    await request.app["redis"].get(key)
    return web.Response(text="ok")
async def make():
    app = web.Application()
    app["http"] = aiohttp.ClientSession()
    app["redis"] = Redis(host="127.0.0.1", port=${redis})
    app.router.add_get("/{key}", answer)
    return app
web.run_app(make(), host="127.0.0.1", port=${port}, print=None, access_log=None, backlog=2048)`,
  ])

/** A task for each connection, which has others ask: two at once, and one under a time limit, which asks by one more. */
export const asyncioTasks = (upstream: number): Promise<Program> =>
  start("/usr/bin/python3", undefined, (port) => [
    "-c",
    `
import asyncio
pool = []
async def ask(path):
    reader, writer = pool.pop() if pool else await asyncio.open_connection("127.0.0.1", ${upstream})
    writer.write(b"GET %s HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n" % path)
    head = await reader.readuntil(b"\\r\\n\\r\\n")
    await reader.readexactly(3)
    pool.append((reader, writer))
async def ask_by_another(path):
    await asyncio.create_task(ask(path))
async def serve(reader, writer):
    try:
        while True:
            head = await reader.readuntil(b"\\r\\n\\r\\n")
            path = head.split(b" ")[1]
            await asyncio.gather(ask(path), ask(path))
            await asyncio.wait_for(ask_by_another(path), 10)
            writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok")
            await writer.drain()
    except asyncio.IncompleteReadError: writer.close()
async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", ${port}, backlog=2048)
    await server.serve_forever()
asyncio.run(main())`,
  ])

export const goCompiler =
  ["/usr/local/go/bin/go", "/usr/bin/go"].find((path) => existsSync(path)) ?? "/usr/bin/go"

/** net/http as server and as client, and Redis by hand in the handler's goroutine. */
export const goServer = (upstream: number, redis: number, folder: string): Promise<Program> => {
  const source = join(folder, "main.go")
  const binary = join(folder, "chain")
  if (!existsSync(binary)) {
    mkdirSync(folder, { recursive: true })
    writeFileSync(
      source,
      `package main
import ("bufio"; "fmt"; "io"; "net"; "net/http"; "os")
func main() {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 512}}
	pool := make(chan net.Conn, 1024)
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		var connection net.Conn
		select {
		case connection = <-pool:
		default:
			connection, _ = net.Dial("tcp", "127.0.0.1:" + os.Args[3])
		}
		key := r.URL.Path[1:]
		fmt.Fprintf(connection, "*2\\r\\n$3\\r\\nGET\\r\\n$%d\\r\\n%s\\r\\n", len(key), key)
		bufio.NewReader(connection).ReadString('\\n')
		pool <- connection
		answer, err := client.Get("http://127.0.0.1:" + os.Args[2] + r.URL.Path)
		if err == nil { io.Copy(io.Discard, answer.Body); answer.Body.Close() }
		w.Write([]byte("ok"))
	})
	panic(http.ListenAndServe("127.0.0.1:" + os.Args[1], nil))
}`,
    )
    execFileSync(goCompiler, ["build", "-o", binary, source], {
      cwd: folder,
      env: { ...process.env, GO111MODULE: "off", GOFLAGS: "" },
    })
  }
  return start(binary, undefined, (port) => [String(port), String(upstream), String(redis)])
}

/** Each request has an id of its own. One thread of wrk, so that its counter is enough. */
export const load = (
  { port }: Program,
  connections: number,
  seconds: number,
  folder: string,
  isSecure = false,
): Promise<string> => {
  const script = join(folder, "ids.lua")
  writeFileSync(
    script,
    `local n = 0
     request = function() n = n + 1; return wrk.format("GET", "/x" .. n .. "x") end`,
  )
  return new Promise((resolve, reject) => {
    const child = spawn("/usr/bin/wrk", [
      ...["-t", "1", "-c", String(connections), "-d", `${seconds}s`, "-s", script, "--timeout", "10s"],
      `${isSecure ? "https" : "http"}://127.0.0.1:${port}`,
    ])
    let output = ""
    child.stdout.on("data", (bytes: Buffer) => (output += bytes.toString()))
    child.once("error", reject)
    child.once("close", () => resolve(output))
  })
}
