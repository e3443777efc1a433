// What this host lets the agent do, found out by doing it: each hook is loaded, attached and detached again.

import { existsSync, readFileSync } from "node:fs"
import { release } from "node:os"
import type { Feature, Tier } from "../../model/AgentStatus.ts"
import { aloneFeature, findOtherAgent, otherAgentText } from "./HostClaim.ts"
import { HandOverHooks, handOversCompat, handOversOff } from "./HandOverHooks.ts"
import { type Addon, loadAddon } from "./native/Addon.ts"
import { hasKernelTypes, typesFile } from "./native/kernelTypes.ts"
import { typesNext } from "./native/privileges.ts"
import { openTracer } from "./native/openTracer.ts"
import { probePackets } from "./PacketSource.ts"
import { ringFeature, ringUsers } from "./ringUse.ts"
import { LibraryProbes } from "./probes/LibraryProbes.ts"
import { taskKind, tasksCompat, tasksOff } from "./python/taskKind.ts"
import { JavaTls } from "./tls/java/JavaTls.ts"
import { tlsCompat, tlsKind, tlsOff } from "./tls/tlsKind.ts"

export interface Diagnosis {
  readonly tier: Tier
  readonly kernel: string
  readonly features: ReadonlyArray<Feature>
}

const socketFeatures = async (addon: Addon, kernelTypes: string): Promise<ReadonlyArray<Feature>> => {
  const opened = await openTracer(addon, {
    payloadBytes: 1_024,
    ringMiB: 1,
    kernelTypes,
    files: { slowUs: 1_000 },
  })
  if (!("tracer" in opened)) {
    const { missing = "", next = "" } = opened.refused[0] ?? {}
    const reason = { missing, next }
    return [
      ...opened.refused,
      ...[tlsOff, tasksOff, handOversOff].map((off) => off(reason)),
      ringFeature(undefined),
    ]
  }
  const { refused, tracer } = opened
  if (tracer.hook === "compat") {
    tracer.close()
    return [
      ...tracer.features,
      ...refused,
      ...[tlsCompat, tasksCompat, handOversCompat],
      ringFeature(undefined),
    ]
  }
  // As an agent does at its start, with the libraries that the dynamic linker gives to programs.
  const nobody = { isForbidden: () => false, log: () => undefined }
  const kinds = [tlsKind, taskKind(() => undefined)]
  const probes = new LibraryProbes({ target: tracer, ...nobody })
  const java = new JavaTls(nobody)
  const handOvers = new HandOverHooks(tracer)
  handOvers.check()
  for (const kind of kinds) probes.add(kind)
  await probes.settle()
  const [tls, tasks] = kinds.map((kind) => probes.feature(kind) ?? [])
  const features = [tls ?? [], java.feature, tasks ?? [], handOvers.feature].flat()
  await java.close()
  await probes.close()
  const users = tracer.hook === "tracepoint" ? undefined : ringUsers(tracer)
  tracer.close()
  return [...tracer.features, ...refused, ...features, ringFeature(users)]
}

const typesFeature = "kernel types (BTF)"

const kernelTypes = (configured: string): Feature => {
  const file = hasKernelTypes() ? "/sys/kernel/btf/vmlinux" : typesFile(configured)
  return file === ""
    ? {
        name: typesFeature,
        on: false,
        hook: "",
        missing: `kernel ${release()} does not describe its types`,
        next: typesNext,
      }
    : { name: typesFeature, on: true, hook: file, missing: "", next: "" }
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

/** To be asked before this process loads programs of its own. */
const otherAgents = (addon: Addon): Feature => {
  const other = findOtherAgent(addon)
  return other === undefined
    ? { name: aloneFeature, on: true, hook: "no other agent", missing: "", next: "" }
    : {
        name: aloneFeature,
        on: false,
        hook: "",
        missing: otherAgentText(other),
        next: "an agent that is started now waits until that one ends, or captures as well with agent.besideAnother=capture",
      }
}

/** `configured`: the file of `agent.kernelTypes`, or empty. */
export const diagnose = async (configured = ""): Promise<Diagnosis> => {
  const addon = loadAddon()
  const features =
    "missing" in addon
      ? [{ name: "native addon", on: false, hook: "", missing: addon.missing, next: addon.next }]
      : [
          otherAgents(addon),
          ...(await socketFeatures(addon, configured)),
          kernelTypes(configured),
          probePackets(addon),
        ]
  const isOn = (name: string): boolean => features.some((feature) => feature.name === name && feature.on)
  return {
    tier: isOn("socket data") ? 1 : isOn("packets") ? 2 : 3,
    kernel: release(),
    features: [...features, processList()],
  }
}
