import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { ipText } from "../model/ipText.ts"
import { ipKey, isInRange, isLocalIp, isLoopback, parseIp, parseRange } from "./ipAddress.ts"

const textOf = (text: string): string | undefined => {
  const ip = parseIp(text)
  return ip === undefined ? undefined : ipText(ip)
}

describe("addresses", () => {
  it("come back from their text", () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (text) => {
        const ip = parseIp(text)!
        expect(parseIp(ipText(ip))).toEqual(ip)
      }),
    )
  })

  it.each([
    ["10.0.0.1", "10.0.0.1"],
    ["::ffff:10.0.0.1", "10.0.0.1"],
    ["2001:DB8:0:0::1", "2001:db8::1"],
    ["fe80::1%eth0", "fe80::1"],
    ["::", "::"],
  ])("%s is %s", (text, canonical) => expect(textOf(text)).toBe(canonical))

  it.each(["", "10.0.0", "10.0.0.256", "1:2:3", "a.b.c.d", "10.0.0.1/8", ":::", "1::2::3"])(
    "%j is no address",
    (text) => expect(parseIp(text)).toBeUndefined(),
  )

  it("have equal keys when they are equal, and only then", () => {
    fc.assert(
      fc.property(fc.ipV6(), fc.ipV6(), (a, b) => {
        const [one, other] = [parseIp(a)!, parseIp(b)!]
        expect(ipKey(one) === ipKey(other)).toBe(ipText(one) === ipText(other))
      }),
    )
  })

  it("lie in ranges", () => {
    const isIn = (ip: string, range: string): boolean => isInRange(parseIp(ip)!, parseRange(range)!)
    expect(isIn("10.1.2.3", "10.0.0.0/8")).toBe(true)
    expect(isIn("11.1.2.3", "10.0.0.0/8")).toBe(false)
    expect(isIn("10.0.0.127", "10.0.0.0/25")).toBe(true)
    expect(isIn("10.0.0.128", "10.0.0.0/25")).toBe(false)
    expect(isIn("1.2.3.4", "0.0.0.0/0")).toBe(true)
    expect(isIn("2001:db8::1", "0.0.0.0/0")).toBe(false)
    expect(isIn("2001:db8:ffff::", "2001:db8::/32")).toBe(true)
    expect(isIn("10.0.0.1", "10.0.0.1")).toBe(true)
  })

  it.each(["10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/a", "::/129", "x/8", "10.0.0.0/8/8", ""])(
    "%j is no range",
    (text) => expect(parseRange(text)).toBeUndefined(),
  )

  it("are told apart by where they can come from", () => {
    const kinds = (text: string) => [isLoopback(parseIp(text)!), isLocalIp(parseIp(text)!)]
    expect(kinds("127.0.0.5")).toEqual([true, true])
    expect(kinds("::1")).toEqual([true, true])
    expect(kinds("172.31.0.1")).toEqual([false, true])
    expect(kinds("fd00::1")).toEqual([false, true])
    expect(kinds("172.32.0.1")).toEqual([false, false])
    expect(kinds("2606:4700::1111")).toEqual([false, false])
  })
})
