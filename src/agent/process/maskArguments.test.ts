import { assert, describe, it } from "@effect/vitest"
import { maskArguments } from "./maskArguments.ts"

const masked = (...args: ReadonlyArray<string>): string => maskArguments(args).join(" ")

describe("arguments", () => {
  it("that are named like secrets lose their values", () => {
    assert.strictEqual(masked("mysql", "--password=abc", "-u", "me"), "mysql --password=? -u me")
    assert.strictEqual(masked("tool", "--api-key", "abc", "rest"), "tool --api-key ? rest")
    assert.strictEqual(masked("tool", "--Token:abc"), "tool --Token:?")
    assert.strictEqual(masked("env", "PGPASSWORD=abc", "AWS_SECRET=x"), "env PGPASSWORD=? AWS_SECRET=?")
    assert.strictEqual(masked("psql", "postgres://me:abc@host/db"), "psql postgres://me:?@host/db")
  })

  it("of other names stay as they are", () => {
    const plain = ["tool", "--passive=yes", "--token", "--next", "tokens=3", "http://host:80/a@b", "a=b"]
    assert.deepStrictEqual(maskArguments(plain), plain)
  })
})
