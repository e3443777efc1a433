// Boots a kernel under software emulation and collects what the guest's script prints.

import { spawn } from "node:child_process"

/** Of memory the RAM disk takes most. */
const megabytes = 1_536
const limitMs = 300_000
const attempts = 4

/** A line that the guest's script printed: what it tried and what came of it. */
export interface Finding {
  readonly feature: string
  readonly on: boolean
  readonly detail: string
}

export interface Boot {
  readonly release: string
  readonly findings: ReadonlyArray<Finding>
  /** All of the console, for when something is missing. */
  readonly console: string
}

const bootOnce = (image: string, system: string): Promise<Boot> =>
  new Promise((resolve, reject) => {
    // Acceleration is not asked for: on machines that are virtual themselves it may be there and not work. Without it a busy
    // machine's timer may seem to the kernel not to work: it shall not look.
    const machine = spawn(
      "qemu-system-x86_64",
      [
        // Memory keys are left out: V8 guards its code by them, and now and then fails at its start where they are emulated.
        ...["-accel", "tcg,thread=single", "-cpu", "max,pku=off", "-m", `${megabytes}`, "-smp", "1"],
        ...["-nographic", "-no-reboot"],
        ...["-kernel", image, "-initrd", system],
        ...["-append", "console=ttyS0 panic=-1 quiet mitigations=off random.trust_cpu=on no_timer_check"],
      ],
      { stdio: ["ignore", "pipe", "pipe"] },
    )
    let console = ""
    for (const stream of [machine.stdout, machine.stderr])
      stream.setEncoding("utf8").on("data", (piece: string) => (console += piece))
    const timer = setTimeout(() => machine.kill("SIGKILL"), limitMs)
    machine.once("error", reject)
    machine.once("close", () => {
      clearTimeout(timer)
      const findings: Array<Finding> = []
      let release = ""
      for (const [, text] of console.matchAll(/found (\{.*\})\r?$/gm)) {
        const said = JSON.parse(text!) as Finding & { readonly release?: string }
        if (said.release === undefined) findings.push(said)
        else ({ release } = said)
      }
      resolve({ release, findings, console })
    })
  })

/** Once more when Node died in the guest: its compiled code now and then does so where a processor is emulated. */
export const boot = async (image: string, system: string): Promise<Boot> => {
  const isWhole = ({ console }: Boot): boolean => console.includes("guest: ended with 0")
  let booted = await bootOnce(image, system)
  for (let i = 1; i < attempts && !isWhole(booted); i++) booted = await bootOnce(image, system)
  return booted
}
