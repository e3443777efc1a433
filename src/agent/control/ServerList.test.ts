import { assert, describe, it } from "@effect/vitest"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { ServerList } from "./ServerList.ts"

const address = (id: string) => ({ id, control: `${id}:1`, ingest: `${id}:2` })

const lists = <A>(use: (list: (...configured: ReadonlyArray<string>) => ServerList) => A): A => {
  const directory = mkdtempSync(join(tmpdir(), "sonde-servers-"))
  try {
    return use((...configured) => new ServerList(directory, configured))
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

describe("ServerList", () => {
  it("tries the server it belongs to first, and those that failed lately last", () =>
    lists((list) => {
      const servers = list("s1:1", "s2:1", "s3:1")
      servers.moved(address("s3"))
      assert.deepStrictEqual(servers.candidates(0), ["s3:1", "s1:1", "s2:1"])
      servers.failed("s3:1", 0)
      servers.failed("s1:1", 0)
      assert.deepStrictEqual(servers.candidates(1), ["s2:1", "s1:1", "s3:1"])
      servers.reached("s1:1")
      assert.deepStrictEqual(servers.candidates(1), ["s1:1", "s2:1", "s3:1"])
      assert.deepStrictEqual(servers.candidates(30_000), ["s1:1", "s2:1", "s3:1"])
    }))

  it("says of a server that it cannot reach it, also of one that it knows only because it was sent there", () =>
    lists((list) => {
      const fresh = list("s1:1", "s2:1")
      fresh.moved(address("s1"))
      fresh.failed("s1:1", 0)
      assert.deepStrictEqual(fresh.unreachable(1), ["s1"])
      assert.deepStrictEqual(fresh.unreachable(30_000), [])
    }))

  it("tries a server that failed once more when it is sent there all the same", () =>
    lists((list) => {
      const servers = list("s1:1", "s2:1")
      servers.failed("s1:1", 0)
      assert.deepStrictEqual(servers.candidates(1), ["s2:1", "s1:1"])
      servers.moved(address("s1"))
      assert.deepStrictEqual(servers.candidates(1), ["s1:1", "s2:1"])
    }))

  it("finds the servers it was told of again", () =>
    lists((list) => {
      list("s1:1").tell([address("s1"), address("s2")], address("s2"))
      assert.deepStrictEqual(list("s1:1").candidates(0), ["s1:1", "s2:1"])
    }))
})
