// Where plaintext passes through rustls in a program: methods that compilers do not inline, of CommonState (0.20: in another module), and of the
// state that takes what comes in. Found by their mangled names, which a program has that is not stripped.

import { functionsThat } from "../probes/elf.ts"
import type { Probe } from "../probes/LibraryProbes.ts"

/** Kernel program by the method's name; of those with the same program the first that there is. */
const programs: Readonly<Record<string, string>> = {
  send_msg: "sonde_rustls_handshake",
  handle: "sonde_rustls_read",
  // What the application writes: since 0.23, and before.
  buffer_plaintext: "sonde_rustls_write_chunks",
  send_some_plaintext: "sonde_rustls_write",
  // What that calls, of 0.20, where it may be inlined; later versions have other parameters there.
  send_plain: "sonde_rustls_write",
  send_appdata_encrypt: "sonde_rustls_write",
}
const oldWrites = ["send_some_plaintext", "send_plain", "send_appdata_encrypt"]
const common = "send_msg|send_some_plaintext|buffer_plaintext"
const old = ["send_msg", ...oldWrites].join("|")

/** Both ways in which Rust mangles names: the old one ends with a hash, the other one perhaps with the crate that it was made for. */
const legacyEnd = String.raw`17h[0-9a-f]{16}E(?:\.llvm\.\d+)?$`
const end = String.raw`(?:Cs\w*|B\w*_)?(?:\.llvm\.\d+)?$`
/** Module, method. */
const mangled = [
  new RegExp(`^_ZN6rustls12(common_state)11CommonState\\d+(${common})${legacyEnd}`),
  new RegExp(`^_ZN6rustls4(conn)11CommonState\\d+(${old})${legacyEnd}`),
  new RegExp(
    String.raw`^_ZN\d+_\$LT\$rustls\.\.(?:client|server)\.\.tls1[23]\.\.ExpectTraffic\$u20\$as\$u20\$rustls\.\.` +
      String.raw`(common_state|conn)\.\.State\$LT\$.*\$GT\$\d+(handle)` +
      legacyEnd,
  ),
  new RegExp(`^_RNvM.*6rustls12(common_state).*11CommonState\\d+(${common})${end}`),
  new RegExp(`^_RNvM.*6rustls4(conn).*11CommonState\\d+(${old})${end}`),
  new RegExp(
    `^_RNvX.*6rustls(?:6client|6server)5tls1[23].*13ExpectTraffic.*(?:12(?=common_state)|4(?=conn))(common_state|conn)5State.*6(handle)${end}`,
  ),
]
const beginnings = ["_ZN6", "_ZN1", "_RNv"]

export interface RustlsMethod {
  /** Of CommonState: `conn` in 0.20. */
  readonly module: string
  readonly method: string
}

/** The method of a mangled name; undefined: none of those that matter. */
export const rustlsMethod = (name: string): RustlsMethod | undefined => {
  for (const one of mangled) {
    const [, module, method] = one.exec(name) ?? []
    if (module !== undefined && method !== undefined) return { module, method }
  }
  return undefined
}

/** Of one module; empty where reads or writes would not be seen. */
const probesOf = (
  found: ReadonlyArray<{ readonly method: string; readonly offset: number }>,
): ReadonlyArray<Probe> => {
  const has = (method: string): boolean => found.some((one) => one.method === method)
  const oldWrite = oldWrites.find(has)
  if (!has("handle") || (oldWrite === undefined && !has("buffer_plaintext"))) return []
  return found
    .filter(({ method }) => method === oldWrite || !oldWrites.includes(method))
    .flatMap(({ method, offset }): ReadonlyArray<Probe> => {
      const program = programs[method]!
      const call: Probe = [program, offset, false]
      return program.startsWith("sonde_rustls_write") ? [call, ["sonde_rustls_return", offset, true]] : [call]
    })
}

export const findRustls = (fd: number): ReadonlyArray<Probe> => {
  const byModule = new Map<string, Array<{ readonly method: string; readonly offset: number }>>()
  for (const { name, offset } of functionsThat(fd, beginnings, (name) => name.includes("rustls"))) {
    const found = rustlsMethod(name)
    if (found === undefined) continue
    const { method, module } = found
    byModule.set(module, [...(byModule.get(module) ?? []), { method, offset }])
  }
  return [...byModule.values()].flatMap(probesOf)
}
