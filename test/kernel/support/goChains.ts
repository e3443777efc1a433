// Go programs whose handlers do not make their calls themselves, or are no goroutines of a connection.

import { execFileSync } from "node:child_process"
import { mkdirSync, writeFileSync } from "node:fs"
import { connect } from "node:http2"
import { join } from "node:path"
import { type Program, start } from "../../system/support/programs.ts"
import { goCompiler } from "./chains.ts"

/** Arguments: the port of the upstream. */
const run = (name: string, text: string, upstream: number, folder: string): Promise<Program> => {
  const source = join(folder, `${name}.go`)
  const binary = join(folder, name)
  mkdirSync(folder, { recursive: true })
  writeFileSync(source, text)
  execFileSync(goCompiler, ["build", "-o", binary, source], {
    cwd: folder,
    env: { ...process.env, GO111MODULE: "off", GOFLAGS: "" },
  })
  return start(binary, undefined, (port) => [String(port), String(upstream)])
}

/** Handlers that ask twice at once, each time in a goroutine of its own, after a while: they shall not wake each other too often to be watched. */
export const goFanOut = (upstream: number, folder: string): Promise<Program> =>
  run(
    "fan",
    `package main
import ("io"; "net/http"; "os"; "sync"; "time")
func main() {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 512}}
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(4 * time.Millisecond)
		var both sync.WaitGroup
		for i := 0; i < 2; i++ {
			both.Add(1)
			go func() {
				defer both.Done()
				answer, err := client.Get("http://127.0.0.1:" + os.Args[2] + r.URL.Path)
				if err == nil { io.Copy(io.Discard, answer.Body); answer.Body.Close() }
			}()
		}
		both.Wait()
		w.Write([]byte("ok"))
	})
	panic(http.ListenAndServe("127.0.0.1:" + os.Args[1], nil))
}`,
    upstream,
    folder,
  )

/** HTTP/2 in the clear: a goroutine for each stream. */
export const goHttp2 = (upstream: number, folder: string): Promise<Program> =>
  run(
    "http2",
    `package main
import ("io"; "net/http"; "os")
func main() {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 512}}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, err := client.Get("http://127.0.0.1:" + os.Args[2] + r.URL.Path)
		if err == nil { io.Copy(io.Discard, answer.Body); answer.Body.Close() }
		w.Write([]byte("ok"))
	})
	protocols := &http.Protocols{}
	protocols.SetUnencryptedHTTP2(true)
	server := &http.Server{Addr: "127.0.0.1:" + os.Args[1], Handler: handler, Protocols: protocols}
	panic(server.ListenAndServe())
}`,
    upstream,
    folder,
  )

/** Over so many connections, on each so many streams at once; each request has an id of its own, from `first` on. */
export const loadHttp2 = async (
  port: number,
  { connections, first, requests, streams }: Record<"connections" | "first" | "requests" | "streams", number>,
): Promise<void> => {
  // All clients take from the same requests.
  const numbers = Array.from({ length: requests }, (_, i) => first + i).values()
  const sessions = Array.from({ length: connections }, () => connect(`http://127.0.0.1:${port}`))
  const ask = (session: (typeof sessions)[number], number: number): Promise<void> =>
    new Promise((resolve, reject) => {
      const stream = session.request({ ":path": `/x${number}x` })
      stream.resume().once("end", resolve).once("error", reject)
    })
  const client = async (session: (typeof sessions)[number]): Promise<void> => {
    for (const number of numbers) await ask(session, number)
  }
  try {
    await Promise.all(sessions.flatMap((session) => Array.from({ length: streams }, () => client(session))))
  } finally {
    for (const session of sessions) session.close()
  }
}
