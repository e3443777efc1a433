// What this process may do in the kernel, in words: for messages that say what is missing and what to do about it.

import { readFileSync } from "node:fs"
import { release } from "node:os"
import { hasKernelTypes } from "./kernelTypes.ts"

/** Bits of the capability sets (include/uapi/linux/capability.h). */
const capabilityBits = { CAP_NET_RAW: 13, CAP_SYS_ADMIN: 21, CAP_PERFMON: 38, CAP_BPF: 39 } as const
export type Capability = keyof typeof capabilityBits

const effective = (): bigint => {
  try {
    const match = /^CapEff:\s+([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "utf8"))
    return match === null ? 0n : BigInt(`0x${match[1]}`)
  } catch {
    return 0n
  }
}

export const hasCapability = (name: Capability): boolean =>
  ((effective() >> BigInt(capabilityBits[name])) & 1n) === 1n

const hasBpf = (): boolean =>
  hasCapability("CAP_SYS_ADMIN") || (hasCapability("CAP_BPF") && hasCapability("CAP_PERFMON"))

export interface Reason {
  readonly missing: string
  readonly next: string
}

/** What a kernel without types of its own asks for. */
export const typesNext =
  "give them in a file: agent.kernelTypes (docs/kernels.md), or use a kernel built with CONFIG_DEBUG_INFO_BTF, such as Debian's from 11 on"

/**
 * Why loading or attaching kernel programs fails, from the error and from what this process may do. `typesFile`: where the kernel's
 * types were taken from, if not from itself.
 */
export const bpfReason = (
  error: { readonly code?: string; readonly message: string },
  typesFile = "",
): Reason => {
  const firstLine = error.message.split("\n").find((line) => line.trim() !== "") ?? error.message
  if (!hasBpf()) {
    return {
      missing: "this process may not load kernel programs (no CAP_BPF and CAP_PERFMON)",
      next: "run Sonde as root, or give it CAP_BPF and CAP_PERFMON",
    }
  }
  if (!hasKernelTypes() && typesFile === "") {
    return {
      missing: `kernel ${release()} does not describe its types (no /sys/kernel/btf/vmlinux)`,
      next: typesNext,
    }
  }
  if (error.code === "ENOENT" && error.message.includes("tracepoint")) {
    return {
      missing: "tracefs is not mounted or lacks the tracepoint",
      next: "mount it: mount -t tracefs tracefs /sys/kernel/tracing",
    }
  }
  if (error.code === "EPERM") {
    return {
      missing: `the kernel refuses it (${firstLine})`,
      next: "look for kernel lockdown, a seccomp profile or a security module that forbids bpf()",
    }
  }
  return {
    missing: `${error.code ?? "error"}: ${firstLine}`,
    next: `report this with the kernel's release (${release()})`,
  }
}

/** Why no packet socket can be opened. */
export const packetReason = (error: { readonly code?: string; readonly message: string }): Reason =>
  error.code === "EPERM" || error.code === "EACCES"
    ? {
        missing: "this process may not open packet sockets (no CAP_NET_RAW)",
        next: "run Sonde as root, or give it CAP_NET_RAW",
      }
    : { missing: error.message, next: "check agent.interface and the memory limits of this process" }

/** Why functions of programs cannot be hooked; `isGeneral`: those of no other file either. */
export const probeReason = (error: {
  readonly code?: string
  readonly message: string
}): Reason & { readonly isGeneral: boolean } =>
  error.code === "EACCES" || error.code === "EPERM"
    ? {
        missing: "this process may not attach to functions of programs (no CAP_SYS_ADMIN or CAP_PERFMON)",
        next: "run Sonde as root, or give it CAP_SYS_ADMIN (CAP_PERFMON is enough for some kernels)",
        isGeneral: true,
      }
    : error.code === "ENOENT" || error.code === "ENODEV" || error.code === "EOPNOTSUPP"
      ? {
          missing: `kernel ${release()} has no uprobes (${error.message})`,
          next: "use a kernel built with CONFIG_UPROBE_EVENTS",
          isGeneral: error.code !== "ENOENT",
        }
      : { missing: error.message, next: "report this with the program's version", isGeneral: false }
