// Ways of moving bytes that do not lead through a process' memory, or through no system call: their lengths are right where their
// contents are not seen, and what cannot be seen is said.

import { mkdirSync, truncateSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { expect, it } from "vitest"
import { type Program, start } from "../system/support/programs.ts"
import { describeSystem } from "../system/support/system.ts"
import { runBeside, startCapturing } from "./support/capturing.ts"
import { hooks, needed, trace } from "./support/tracing.ts"

const largeBytes = 64 * 1_048_576 + 12_345

/** Serves a large file by sendfile, and /ok. */
const sendingNginx = (): Promise<Program> =>
  start("/usr/sbin/nginx", undefined, (port, folder) => {
    mkdirSync(join(folder, "www"))
    writeFileSync(join(folder, "www/large"), "")
    truncateSync(join(folder, "www/large"), largeBytes)
    writeFileSync(
      join(folder, "nginx.conf"),
      `daemon off; user root; worker_processes 1; pid ${folder}/pid; error_log ${folder}/error.log;
       events { worker_connections 64; }
       http { access_log off; sendfile on; tcp_nopush on;
         client_body_temp_path ${folder}/a; proxy_temp_path ${folder}/b; fastcgi_temp_path ${folder}/c;
         uwsgi_temp_path ${folder}/d; scgi_temp_path ${folder}/e;
         server { listen 127.0.0.1:${port}; root ${folder}/www; location /ok { return 200 "ok\\n"; } } }`,
    )
    return ["-p", folder, "-c", join(folder, "nginx.conf")]
  })

/** Says no length: the body is what comes until the end, by sendfile in pieces. */
const closingPython = (): Promise<Program> =>
  start("/usr/bin/python3", undefined, (port) => [
    "-c",
    `
import os, socket, tempfile
file = tempfile.TemporaryFile(); file.truncate(3_000_000)
listener = socket.create_server(("127.0.0.1", ${port}))
while True:
    end, _ = listener.accept()
    if not end.recv(4096): continue
    end.send(b"HTTP/1.0 200 OK\\r\\n\\r\\n")
    at = 0
    while at < 3_000_000: at += os.sendfile(end.fileno(), file.fileno(), at, 3_000_000 - at)
    end.close()`,
  ])

/** io_uring by its system calls (io_uring_setup 425, io_uring_enter 426): one entry at a time, its result. */
const ring = `
libc = ctypes.CDLL(None, use_errno=True)
def make_ring():
    global params
    params = ctypes.create_string_buffer(120)
    fd = libc.syscall(425, 4, params)
    assert fd > 0, ctypes.get_errno()
    return fd
def u32(data, at): return int.from_bytes(data[at:at + 4], "little")
def submit(fd, operation, file, length):
    sq_tail, sq_mask, sq_array = (u32(params, 40 + at) for at in (4, 8, 24))
    cq_head, cq_mask, cq_cqes = (u32(params, 80 + at) for at in (0, 8, 20))
    rings = mmap.mmap(fd, 4096, offset=0); entries = mmap.mmap(fd, 4096, offset=0x10000000)
    buffer = ctypes.create_string_buffer(b"hello")
    tail = u32(rings, sq_tail); slot = tail & u32(rings, sq_mask)
    entry = bytearray(64)
    entry[0] = operation
    entry[4:8] = file.to_bytes(4, "little"); entry[16:24] = ctypes.addressof(buffer).to_bytes(8, "little")
    entry[24:28] = length.to_bytes(4, "little")
    entries[slot * 64:slot * 64 + 64] = bytes(entry)
    rings[sq_array + slot * 4:sq_array + slot * 4 + 4] = slot.to_bytes(4, "little")
    rings[sq_tail:sq_tail + 4] = (tail + 1).to_bytes(4, "little")
    assert libc.syscall(426, fd, 1, 1, 1, None, 0) == 1, ctypes.get_errno()
    head = u32(rings, cq_head); at = cq_cqes + (head & u32(rings, cq_mask)) * 16
    rings[cq_head:cq_head + 4] = (head + 1).to_bytes(4, "little")
    return int.from_bytes(rings[at + 8:at + 12], "little", signed=True)`

describeSystem("ways of moving bytes", [...needed, "/usr/sbin/nginx", "/usr/bin/curl"], () => {
  it("sendfile of nginx: lengths of large files are right, and what follows on the connection is read", async () => {
    const capturing = await startCapturing()
    try {
      const server = await sendingNginx()
      try {
        const url = (path: string) => `http://127.0.0.1:${server.port}${path}`
        const { status } = await runBeside("/usr/bin/curl", [
          ...["--silent", "--fail", "--output", "/dev/null", url("/large")],
          ...["--output", "/dev/null", url("/ok/between"), "--output", "/dev/null", url("/large?again")],
        ])
        expect(status).toBe(0)
        await capturing.settle()
        for (const side of ["client", "server"] as const)
          expect(
            capturing
              .sessions(server.port)
              .filter((one) => one.side === side)
              .map(({ responseLength, text }) => [text, responseLength]),
          ).toEqual([
            ["http1 | GET | /large | 0 | 200", largeBytes],
            ["http1 | GET | /ok/between | 0 | 200", 3],
            ["http1 | GET | /large?again | 0 | 200", largeBytes],
          ])
      } finally {
        await server.stop()
      }
    } finally {
      await capturing.stop()
    }
  })

  it("sendfile without a length: what the calls moved is counted", async () => {
    const capturing = await startCapturing()
    try {
      const server = await closingPython()
      try {
        const url = `http://127.0.0.1:${server.port}/until-the-end`
        const { status } = await runBeside("/usr/bin/curl", ["--silent", "--output", "/dev/null", url])
        expect(status).toBe(0)
        await capturing.settle()
        const lengths = capturing
          .sessions(server.port)
          .map(({ responseLength, side }) => [side, responseLength])
        expect(lengths.toSorted()).toEqual([
          ["client", 3_000_000],
          ["server", 3_000_000],
        ])
      } finally {
        await server.stop()
      }
    } finally {
      await capturing.stop()
    }
  })

  /** The kinds of hooks beside which there are raw tracepoints. */
  for (const hook of hooks.filter((kind) => kind !== "tracepoint")) {
    it(`io_uring: tells once of a process that has it work with a socket: ${hook}`, () => {
      const { events, pid, result } = trace({
        hook,
        script: `
${ring}
idle = make_ring() # moves nothing
client, server = pair()
fd = make_ring()
submit(fd, 22, os.open("/dev/zero", os.O_RDONLY), 5) # read, of a file
sent = [submit(fd, 26, client.fileno(), 5) for _ in range(3)] # send
done(sent=sent, got=server.recv(100).decode())`,
      })
      expect(result["sent"]).toEqual([5, 5, 5])
      const told = events.filter((event) => event.kind === "ring" && event.tgid === pid)
      expect(told).toEqual([expect.objectContaining({ comm: "python3" })])
    })
  }

  it("io_uring: says nothing of a process that only has a ring, or reads files by it", () => {
    const { events, pid } = trace({
      script: `
${ring}
idle = make_ring()
submit(idle, 22, os.open("/dev/zero", os.O_RDONLY), 5)
done()`,
    })
    expect(events.some((event) => event.kind === "exec" && event.tgid === pid)).toBe(true)
    expect(events.filter((event) => event.kind === "ring" && event.tgid === pid)).toEqual([])
  })
})
