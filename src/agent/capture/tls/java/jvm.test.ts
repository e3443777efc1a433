import { describe, expect, it } from "vitest"
import { describeJvm, readJvm } from "./jvm.ts"

const status = (caught: string): string =>
  `Name:\tjava\nUid:\t1000\t1001\t1000\t1000\nGid:\t5\t6\t5\t5\nNSpid:\t4242\t7\nSigCgt:\t${caught}\n`

describe("describeJvm", () => {
  it("knows a process by its own number and effective owner", () => {
    expect(describeJvm(4_242, status("0000000181005ccf"), "java\0-jar\0a.jar")).toEqual({
      pid: 4_242,
      ownPid: 7,
      uid: 1_001,
      gid: 6,
      tmp: "/proc/4242/root/tmp",
      listensToSignal: true,
      isRefusing: false,
    })
  })

  it("tells who would die of the signal, and who does not want to be asked", () => {
    expect(describeJvm(1, status("0000000000000000"), "")?.listensToSignal).toBe(false)
    expect(describeJvm(1, status("0000000000000008"), "")?.listensToSignal).toBe(false)
    expect(describeJvm(1, status("0000000000000004"), "")?.listensToSignal).toBe(true)
    expect(describeJvm(1, status("4"), "java\0-XX:+DisableAttachMechanism")?.isRefusing).toBe(true)
  })

  it("answers nothing for what it cannot read", () => {
    expect(describeJvm(1, "", "")).toBe(undefined)
    expect(describeJvm(1, status("none"), "")).toBe(undefined)
    expect(readJvm(2 ** 22 + 1)).toBe(undefined)
  })
})
