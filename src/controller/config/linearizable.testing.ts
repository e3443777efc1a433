// Checks a history of concurrent reads and compare-and-set writes of one layer: is there an order, in keeping with which call ended
// before which began, in which one writer after the other would have seen the same? (Wing and Gong 1993, with Lowe's memory of
// states that lead nowhere.) Calls whose outcome nobody knows may have happened at any time after they began, or never.

export type Operation = {
  /** Order of the call's begin and end among all begins and ends; an end of Infinity: nobody knows. */
  readonly began: number
  readonly ended: number
} & (
  | { readonly kind: "read"; readonly version: number; readonly value: string }
  | {
      readonly kind: "write"
      /** Undefined: from whatever version is in force. */
      readonly expected: number | undefined
      readonly value: string
      /** The version it made; "conflict": it did nothing; "unknown": one of both. */
      readonly outcome: number | "conflict" | "unknown"
    }
)

interface Register {
  readonly version: number
  readonly value: string
}

/** The register after the operation took effect there; undefined: it could not have had this outcome there. */
const after = (register: Register, operation: Operation): Register | undefined => {
  const { value, version } = register
  if (operation.kind === "read")
    return operation.version === version && operation.value === value ? register : undefined
  const fits = operation.expected === undefined || operation.expected === version
  if (operation.outcome === "conflict")
    return operation.expected === undefined || !fits ? register : undefined
  if (!fits) return undefined
  if (operation.outcome !== "unknown" && operation.outcome !== version + 1) return undefined
  return { version: version + 1, value: operation.value }
}

/** `initial`: the register before all of them. */
export const isLinearizable = (
  operations: ReadonlyArray<Operation>,
  initial: Register = { version: 0, value: "" },
): boolean => {
  const seen = new Set<string>()
  const stack: Array<{ readonly done: bigint; readonly register: Register }> = [
    { done: 0n, register: initial },
  ]
  const known = operations.reduce(
    (mask, operation, index) =>
      operation.kind === "write" && operation.outcome === "unknown" ? mask : mask | (1n << BigInt(index)),
    0n,
  )
  for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
    const { done, register } = at
    if ((done & known) === known) return true
    const rest = operations
      .map((operation, index) => ({ operation, bit: 1n << BigInt(index) }))
      .filter(({ bit }) => (done & bit) === 0n)
    const firstEnd = Math.min(...rest.map(({ operation }) => operation.ended))
    for (const { bit, operation } of rest) {
      // Behind an operation that ended before it began it cannot come first.
      if (operation.began > firstEnd) continue
      const next = after(register, operation)
      if (next === undefined) continue
      const name = `${done | bit} ${next.version} ${next.value}`
      if (seen.has(name)) continue
      seen.add(name)
      stack.push({ done: done | bit, register: next })
    }
  }
  return false
}
