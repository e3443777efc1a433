import { expect, it } from "vitest"
import { StoreHistory } from "./StoreHistory.ts"

const prefix = "/sonde/default/"

/** Changes of a store, each in a revision of its own. */
const story = () => {
  const history = new StoreHistory(prefix)
  let revision = 0
  return {
    history,
    put: (key: string, value: object = {}): number => {
      const at = ++revision
      history.take({
        kind: "put",
        entry: { key: prefix + key, value: JSON.stringify(value), modified: at, created: at },
      })
      return at
    },
    remove: (key: string): void => history.take({ kind: "removed", key: prefix + key, revision: ++revision }),
  }
}

it("takes the writes of those who lead, one after the other", () => {
  const { history, put, remove } = story()
  const first = put("leader/a")
  const second = put("leader/b")
  put("acted", { server: "a", fence: first })
  remove("leader/a")
  put("acted", { server: "b", fence: second })
  expect(history.faults).toEqual([])
  expect(history).toMatchObject({ acts: 2, takeOvers: 2, leader: { server: "b", fence: second } })
})

it("finds who wrote behind the end of his leadership, beside the leader, or with a fence of the past", () => {
  const { history, put, remove } = story()
  const first = put("leader/a")
  const second = put("leader/b")
  put("acted", { server: "b", fence: second })
  remove("leader/a")
  put("acted", { server: "a", fence: first })
  expect(history.faults).toEqual([
    "revision 3: b wrote as leader (2), but a led (1)",
    "revision 5: a wrote as leader (1), but b led (2)",
    "revision 5: fence 1 came behind 2",
  ])
  remove("leader/b")
  put("acted", { server: "b", fence: second })
  expect(history.faults.at(-1)).toBe("revision 7: b wrote as leader (2), but nobody led")
})

it("knows who has an agent and where it belongs", () => {
  const { history, put, remove } = story()
  put("server/a")
  put("session/x", { server: "a", instance: "1", machineId: "", host: "" })
  put("place/x", { server: "b", sinceMs: 0 })
  expect([...history.servers]).toEqual(["a"])
  expect([history.owners.get("x"), history.places.get("x")]).toEqual(["a", "b"])
  remove("session/x")
  expect(history.owners.size).toBe(0)
})
