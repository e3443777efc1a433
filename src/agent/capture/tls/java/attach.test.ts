import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs"
import { createServer, type Server } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, describe, expect, it } from "vitest"
import { askJvm } from "./attach.ts"
import { type Jvm, readJvm } from "./jvm.ts"

const files = mkdtempSync(join(tmpdir(), "attach-files-"))
const agent = { jar: join(files, "a.jar"), library: join(files, "a.so") }
writeFileSync(agent.jar, "jar")
writeFileSync(agent.library, "library")

/** This process as a JVM with a temporary directory of its own. */
const jvm = (changes: Partial<Jvm> = {}): Jvm => ({
  ...readJvm(process.pid)!,
  tmp: mkdtempSync(join(tmpdir(), "attach-")),
  ...changes,
})

const open: Array<Server> = []
afterEach(() => {
  for (const server of open.splice(0)) server.close()
})

/** Answers on the JVM's socket; what it was asked. */
const listen = async (
  { ownPid, tmp }: Jvm,
  reply: (folder: string) => string,
): Promise<ReadonlyArray<string>> => {
  const asked: Array<string> = []
  const server = createServer((socket) => {
    socket.once("data", (bytes) => {
      asked.push(bytes.toString("latin1"))
      const [folder] = readdirSync(tmp).filter((name) => name.startsWith(".sonde-"))
      socket.end(reply(join(tmp, folder!)))
    })
  })
  open.push(server)
  await new Promise<void>((resolve) => server.listen(join(tmp, `.java_pid${ownPid}`), resolve))
  return asked
}

const left = ({ tmp }: Jvm): ReadonlyArray<string> =>
  readdirSync(tmp).filter((name) => !name.startsWith(".java_pid"))

describe("askJvm", () => {
  it("has the JVM load what lies in a folder of its /tmp, which is gone afterwards", async () => {
    const one = jvm()
    let modes: ReadonlyArray<number> = []
    const asked = await listen(one, (folder) => {
      modes = ["a.jar", "a.so", "result"].map((name) => statSync(join(folder, name)).mode & 0o777)
      writeFileSync(join(folder, "result"), "done")
      return "0\nreturn code: 0\n"
    })
    await askJvm(one, agent, "start")
    const [, version, folder] = /^(1)\0load\0instrument\0false\0\/tmp\/(.*)\/a\.jar=start \/tmp\/\2\0$/.exec(
      asked[0]!,
    )!
    expect(version).toBe("1")
    expect(folder).toMatch(/^\.sonde-/)
    expect(modes).toEqual([0o644, 0o644, 0o666])
    expect(left(one)).toEqual([])
  })

  it("says what the JVM said against it", async () => {
    const one = jvm()
    let result = ""
    let reply = ""
    await listen(one, (folder) => {
      writeFileSync(join(folder, "result"), result)
      return reply
    })
    reply = "100\n"
    await expect(askJvm(one, agent, "start")).rejects.toThrow(/it answered "100/)
    reply = "0\nreturn code: 102\n"
    await expect(askJvm(one, agent, "start")).rejects.toThrow("return code: 102")
    result = "java.lang.IllegalStateException: no such call"
    await expect(askJvm(one, agent, "start")).rejects.toThrow("no such call")
    reply = "0".repeat(10_000)
    await expect(askJvm(one, agent, "start")).rejects.toThrow("too long")
    expect(left(one)).toEqual([])
  })

  it("sends no signal to what would die of it", async () => {
    const one = jvm()
    // Node does not handle SIGQUIT.
    await expect(askJvm(one, agent, "start")).rejects.toThrow("SIGQUIT")
    expect(left(one)).toEqual([])
    await expect(askJvm({ ...one, isRefusing: true }, agent, "start")).rejects.toThrow(
      "DisableAttachMechanism",
    )
  })

  it("follows no link that somebody left there", async () => {
    const one = jvm()
    const elsewhere = join(files, "elsewhere")
    symlinkSync(elsewhere, join(one.tmp, `.attach_pid${one.ownPid}`))
    await expect(askJvm(one, agent, "start")).rejects.toThrow(/EEXIST/)
    expect(existsSync(elsewhere)).toBe(false)
    const link = join(files, "tmp")
    rmSync(link, { force: true })
    symlinkSync(one.tmp, link)
    await expect(askJvm({ ...one, tmp: link }, agent, "start")).rejects.toThrow("no directory")
  })
})
