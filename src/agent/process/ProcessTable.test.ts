import { spawn } from "node:child_process"
import { createServer } from "node:net"
import { afterEach, describe, expect, it } from "vitest"
import { ProcessTable } from "./ProcessTable.ts"
import { readProcess } from "./procfs.ts"

const cleanUps: Array<() => void> = []
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0)) cleanUp()
})

const sleeper = (title: string) => {
  const child = spawn(
    process.execPath,
    ["-e", `process.title = ${JSON.stringify(title)}; setInterval(() => {}, 1000)`],
    {
      stdio: "ignore",
    },
  )
  cleanUps.push(() => child.kill("SIGKILL"))
  return child
}

describe("ProcessTable", () => {
  it("knows this process by name, command line and listening port", async () => {
    const server = createServer()
    cleanUps.push(() => server.close())
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()))
    const { port } = server.address() as { port: number }
    const table = new ProcessTable()
    table.refresh(0)
    const entry = table.listener(port)
    expect(entry?.info.pid).toBe(process.pid)
    expect(entry?.info.parentPid).toBe(process.ppid)
    expect(entry?.info.exe).toBe(process.execPath)
    expect(entry?.listening.map((one) => [...one.ip.slice(12), one.port])).toContainEqual([
      127,
      0,
      0,
      1,
      port,
    ])
  })

  it("finds a port that a process opens after it was read, within some rounds", async () => {
    const table = new ProcessTable()
    for (let round = 0; round < 4; round++) table.refresh(round * 5_000)
    const server = createServer()
    cleanUps.push(() => server.close())
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()))
    const { port } = server.address() as { port: number }
    for (let round = 4; round < 8; round++) table.refresh(round * 5_000)
    expect(table.listener(port)?.info.pid).toBe(process.pid)
    server.close()
    table.refresh(40_000)
    expect(table.listener(port)).toBeUndefined()
  })

  it("reads a young process again, for titles that are set after the start", async () => {
    const child = sleeper("orders-api")
    const table = new ProcessTable()
    table.exec(child.pid!)
    // Node needs some 30 ms before the script runs: until then it is "node".
    expect(table.get(child.pid!)?.service).not.toBe("orders-api")
    while (readProcess(child.pid!)?.args[0] !== "orders-api")
      await new Promise((resolve) => setTimeout(resolve, 10))
    table.refresh(0)
    expect(table.get(child.pid!)?.service).toBe("orders-api")
  })

  it("keeps an ended process for a minute, then forgets it", async () => {
    const child = sleeper("short")
    const table = new ProcessTable()
    table.exec(child.pid!)
    const exited = new Promise((resolve) => child.once("exit", resolve))
    child.kill("SIGKILL")
    await exited
    table.exit(child.pid!, 1_000)
    table.refresh(50_000)
    expect(table.get(child.pid!)).toBeDefined()
    expect(table.all().some(({ info }) => info.pid === child.pid)).toBe(false)
    table.refresh(62_000)
    expect(table.get(child.pid!)).toBeUndefined()
  })

  it("forgets ended processes first when there is no room, and counts who finds none", () => {
    const [first, second, third] = ["one", "two", "three"].map(sleeper)
    const table = new ProcessTable(2)
    table.exec(first!.pid!)
    table.exec(second!.pid!)
    table.exec(third!.pid!)
    expect(table.known(third!.pid!)).toBeUndefined()
    expect(table.dropped).toBe(1)
    table.exit(first!.pid!, 1_000)
    table.exec(third!.pid!)
    expect(table.known(second!.pid!)).toBeDefined()
    expect(table.known(third!.pid!)).toBeDefined()
    expect(table.dropped).toBe(1)
  })

  it("does not take an ended process for the one that has its number now", () => {
    const table = new ProcessTable()
    const entry = table.get(process.pid)!
    table.exit(process.pid, 1_000)
    // The same one, by its start: its end was not the last that is told of it.
    expect(table.now(process.pid)).toBeUndefined()
    entry.info = { ...entry.info, comm: "before", startTicks: entry.info.startTicks - 1 }
    expect(table.now(process.pid)?.info.comm).not.toBe("before")
    expect(table.known(process.pid)).toBeDefined()
  })

  it("answers undefined for a process that is not there", () => {
    const table = new ProcessTable()
    expect(table.get(4_194_305)).toBeUndefined()
    expect(table.listener(1)).toBeUndefined()
  })
})
