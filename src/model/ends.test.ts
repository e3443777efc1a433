import { expect, it } from "vitest"
import { knownEnd } from "./ends.ts"

it.each(["0.0.0.0", "0.0.0.0:0", "0.0.0.0:5432", "::", "[::]:80"])("is nobody at %s", (text) => {
  expect(knownEnd(text)).toBe("")
})

it.each(["", "10.0.0.0", "10.0.0.0:80", "::1", "[::1]:80", "0.0.0.0.example", "shop"])("keeps %s", (text) => {
  expect(knownEnd(text)).toBe(text)
})
