import { expect, it } from "vitest"
import { curlOf } from "./curl.ts"
import { rowOf } from "./storedRow.ts"

const row = {
  ...rowOf({}),
  protocol: "HTTP",
  type: "GET",
  domain: "127.0.0.1:80",
  serverIp: "127.0.0.1",
  serverPort: 80,
  resource: "/a?b=1",
}

it("makes the same request again, safely quoted", () => {
  expect(curlOf(row)).toBe("curl --include 'http://127.0.0.1:80/a?b=1'")
  expect(curlOf({ ...row, type: "POST", domain: "shop" })).toBe(
    "curl --include --request 'POST' --header 'Host: shop' 'http://127.0.0.1:80/a?b=1'",
  )
  expect(curlOf({ ...row, type: "HEAD", serverIp: "::1", domain: "" })).toBe(
    "curl --include --head 'http://[::1]:80/a?b=1'",
  )
  expect(curlOf({ ...row, resource: "/'; rm -rf '" })).toContain(String.raw`'\''; rm -rf '\''`)
  expect(curlOf({ ...row, protocol: "Redis" })).toBeUndefined()
  expect(curlOf({ ...row, serverIp: "" })).toBeUndefined()
})
