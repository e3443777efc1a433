import { assert, describe, it } from "@effect/vitest"
import { HomeContact } from "./HomeContact.ts"

describe("HomeContact", () => {
  it("is silent from the start until a server has the agent, and again once that is over", () => {
    const contact = new HomeContact(1_000)
    assert.strictEqual(contact.silentMs(5_000), 4_000)
    contact.taken()
    assert.strictEqual(contact.silentMs(60_000), 0)
    contact.ended(60_000, false)
    contact.ended(70_000, false)
    assert.strictEqual(contact.silentMs(75_000), 15_000)
  })

  it("is not silent where it is refused for itself", () => {
    const contact = new HomeContact(0)
    contact.ended(50_000, true)
    assert.strictEqual(contact.silentMs(51_000), 1_000)
  })
})
