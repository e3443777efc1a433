import { assert, describe, it } from "@effect/vitest"
import { createServer } from "node:net"
import { portOwner } from "./portOwner.ts"

describe("portOwner", () => {
  it("names the process that listens", async () => {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    const address = server.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    assert.match(portOwner(port) ?? "", new RegExp(`^pid ${process.pid} \\(.+\\)$`))
    await new Promise((resolve) => server.close(resolve))
    assert.isUndefined(portOwner(port))
  })
})
