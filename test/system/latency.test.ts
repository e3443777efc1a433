// How soon: from the start of the command to its page, and from a request to its row. Best of three, the machine may be busy.

import { afterAll, beforeAll, expect, it } from "vitest"
import type { RequestList } from "../../src/querier/requests/requestList.ts"
import { curl, nginx, type Program } from "./support/programs.ts"
import { Sonde, until } from "./support/Sonde.ts"
import { describeSystem } from "./support/system.ts"

describeSystem("promptness", ["/usr/sbin/nginx", "/usr/bin/curl"], () => {
  let web: Program

  beforeAll(async () => {
    web = await nginx()
  })
  afterAll(() => web?.stop())

  it("is ready within 5 s of being started", async () => {
    const times: Array<number> = []
    for (let i = 0; i < 3; i++) {
      const sonde = new Sonde()
      await sonde.ready
      times.push(performance.now() - sonde.startedMs)
      await sonde.stop()
    }
    expect(Math.min(...times)).toBeLessThan(5_000)
  })

  it("shows a request within 2 s of its being made", async () => {
    const sonde = new Sonde()
    try {
      await sonde.capturing()
      const medians: Array<number> = []
      for (let round = 0; round < 3; round++) {
        const times: Array<number> = []
        for (let i = 0; i < 5; i++) {
          const path = `/ok/seen/${round}/${i}`
          const startedMs = performance.now()
          curl([`http://127.0.0.1:${web.port}${path}`])
          await until(
            path,
            () => sonde.get<RequestList>(`/api/v1/requests?q=${path}&last=60`),
            ({ rows }) => rows.length === 2,
          )
          times.push(performance.now() - startedMs)
        }
        medians.push(times.toSorted((a, b) => a - b)[2]!)
      }
      expect(Math.min(...medians)).toBeLessThan(2_000)
    } finally {
      await sonde.stop()
    }
  })
})
