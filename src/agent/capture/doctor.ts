// What this host lets the agent do, found out by doing it: each hook is loaded, attached and detached again.

import { existsSync, readFileSync } from "node:fs"
import { release } from "node:os"
import type { Feature, Tier } from "../../model/AgentStatus.ts"
import { type Addon, loadAddon } from "./native/Addon.ts"
import { hasKernelTypes } from "./native/privileges.ts"
import { openSocketTracer, SocketTracer } from "./native/SocketTracer.ts"
import { probePackets } from "./PacketSource.ts"
import { tlsFeature, TlsProbes } from "./tls/TlsProbes.ts"

export interface Diagnosis {
  readonly tier: Tier
  readonly kernel: string
  readonly features: ReadonlyArray<Feature>
}

const socketFeatures = async (addon: Addon): Promise<ReadonlyArray<Feature>> => {
  const tracer = openSocketTracer(addon, { payloadBytes: 1_024, ringMiB: 1 })
  if (!(tracer instanceof SocketTracer)) {
    const [first] = tracer.refused
    return [...tracer.refused, tlsFeature("", { missing: first?.missing ?? "", next: first?.next ?? "" })]
  }
  // As an agent does at its start, with the libraries that the dynamic linker gives to programs.
  const tls = new TlsProbes({ target: tracer, isForbidden: () => false, log: () => undefined })
  await tls.settle()
  const { feature } = tls
  await tls.close()
  tracer.close()
  return [...tracer.features, feature]
}

const kernelTypes = (): Feature =>
  hasKernelTypes()
    ? { name: "kernel types (BTF)", on: true, hook: "/sys/kernel/btf/vmlinux", missing: "", next: "" }
    : {
        name: "kernel types (BTF)",
        on: false,
        hook: "",
        missing: `kernel ${release()} does not describe its types`,
        next: "use a kernel built with CONFIG_DEBUG_INFO_BTF; packets are captured meanwhile",
      }

const processList = (): Feature => {
  try {
    readFileSync("/proc/1/cmdline")
    if (existsSync("/proc/net/tcp")) {
      return { name: "process inventory", on: true, hook: "/proc", missing: "", next: "" }
    }
  } catch {}
  return {
    name: "process inventory",
    on: false,
    hook: "",
    missing: "/proc does not show other processes",
    next: "mount /proc without hidepid, or give Sonde CAP_SYS_PTRACE; in a container use the host's process namespace",
  }
}

export const diagnose = async (): Promise<Diagnosis> => {
  const addon = loadAddon()
  const features =
    "missing" in addon
      ? [{ name: "native addon", on: false, hook: "", missing: addon.missing, next: addon.next }]
      : [...(await socketFeatures(addon)), kernelTypes(), probePackets(addon)]
  const isOn = (name: string): boolean => features.some((feature) => feature.name === name && feature.on)
  return {
    tier: isOn("socket data") ? 1 : isOn("packets") ? 2 : 3,
    kernel: release(),
    features: [...features, processList()],
  }
}
