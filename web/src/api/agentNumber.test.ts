import { expect, it } from "vitest"
import { agentNumber as stored } from "../../../src/ingester/write/TableWriter.ts"
import { agentNumber } from "./agentNumber.ts"

it("is the number that rows are stored with", () => {
  for (const id of ["", "a", "web-1", "2365cf20-49cd-4c1c-8571-43ace5c07699", "größe"])
    expect(agentNumber(id)).toBe(stored(id))
})
