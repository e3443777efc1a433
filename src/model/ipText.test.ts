import { isIPv6 } from "node:net"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { ipText } from "./ipText.ts"

const ip = (...groups: ReadonlyArray<number>) =>
  Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 255]))

describe("ipText", () => {
  it("writes IPv4 with dots and IPv6 as RFC 5952 asks", () => {
    expect(ipText(ip(0, 0, 0, 0, 0, 0xffff, 0x0a00, 0x0102))).toBe("10.0.1.2")
    expect(ipText(ip(0, 0, 0, 0, 0, 0, 0, 1))).toBe("::1")
    expect(ipText(new Uint8Array(16))).toBe("::")
    expect(ipText(ip(0x2001, 0xdb8, 0, 0, 1, 0, 0, 1))).toBe("2001:db8::1:0:0:1")
    expect(ipText(ip(0x2001, 0xdb8, 0, 1, 1, 1, 1, 1))).toBe("2001:db8:0:1:1:1:1:1")
    expect(ipText(ip(1, 0, 0, 0, 0, 0, 0, 0))).toBe("1::")
  })

  it("writes valid addresses that name the same bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
        bytes[0] = 1
        const text = ipText(bytes)
        expect(isIPv6(text)).toBe(true)
        const [head, tail] = text.split("::")
        const groups = (part: string | undefined) =>
          part ? part.split(":").map((group) => parseInt(group, 16)) : []
        const zeros = 8 - groups(head).length - groups(tail).length
        expect(ip(...groups(head), ...Array<number>(zeros).fill(0), ...groups(tail))).toEqual(bytes)
      }),
    )
  })
})
