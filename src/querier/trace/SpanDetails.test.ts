import { expect, it } from "vitest"
import { spanRowOf } from "./rows.testing.ts"
import { noTags, spanDetails } from "./SpanDetails.ts"

const shop = { service: "shop", process: "node", tags: {} }

const names = (
  ips: { readonly clientIp?: string; readonly serverIp?: string },
  client = noTags,
  server = noTags,
) => {
  const { clientService, serverService } = spanDetails(
    { d_names: [], d_values: [] },
    spanRowOf(ips),
    client,
    server,
  )
  return [clientService, serverService]
}

it("calls an end without a name by its address, a server with its port", () => {
  expect(names({})).toEqual(["10.0.0.1", "10.0.0.2:80"])
  expect(names({ clientIp: "fd00::1", serverIp: "fd00::2" }, shop)).toEqual(["shop", "[fd00::2]:80"])
})

it("calls an end without an address by its process, or not at all", () => {
  const nobody = { clientIp: "0.0.0.0", serverIp: "::" }
  expect(names(nobody)).toEqual(["", ""])
  expect(names(nobody, shop, { ...shop, service: "" })).toEqual(["shop", "node"])
})
