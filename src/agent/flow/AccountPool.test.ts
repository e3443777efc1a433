import { expect, it } from "vitest"
import { AccountPool } from "./AccountPool.ts"
import { accountLength } from "./FlowAccount.ts"
import { Meter } from "./FlowMeter.ts"

it("gives accounts whose numbers do not touch each other", () => {
  const pool = new AccountPool()
  const accounts = Array.from({ length: 600 }, (_, at) => pool.take(6, 100, at))
  for (const [at, account] of accounts.entries()) account.second[Meter.packetTx] = at
  expect(accounts.map((account) => account.second[Meter.packetTx])).toEqual(accounts.map((_, at) => at))
  expect(accounts.map(({ startUs }) => startUs)).toEqual(accounts.map((_, at) => at))
  expect(new Set(accounts.map(({ values }) => values)).size).toBe(3)
})

it("gives one that is over as if it were new", () => {
  const pool = new AccountPool()
  const old = pool.take(6, 255, 1)
  old.values.fill(7, old.at, old.at + accountLength)
  old.isKept = true
  old.isOver = true
  old.hasRow = true
  old.l7Protocol = 20
  const neighbour = pool.take(6, 255, 2)
  pool.give(old)
  const again = pool.take(6, 100, 9_000)
  expect(again).toBe(old)
  const fresh = new AccountPool().take(6, 100, 9_000)
  const plain = (account: typeof again) => ({
    ...account,
    values: [...account.values.subarray(account.at, account.at + accountLength)],
    at: 0,
  })
  expect(plain(again)).toEqual(plain(fresh))
  expect(neighbour.startUs).toBe(2)
})
