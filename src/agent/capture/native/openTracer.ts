// The best tracer that can be opened here, whose offsets are those of this kernel: where they come from a file that proves to be of another
// one, the programs for old kernels, which need none.

import type { Feature } from "../../../model/AgentStatus.ts"
import type { Addon } from "./Addon.ts"
import { areTypesRight, wrongTypes } from "./checkTypes.ts"
import { openSocketTracer, SocketTracer, type SocketTracerOptions } from "./SocketTracer.ts"

export interface OpenedTracer {
  readonly tracer: SocketTracer
  /** What this machine would allow, and why it does not. */
  readonly refused: ReadonlyArray<Feature>
}

export const openTracer = async (
  addon: Addon,
  options: SocketTracerOptions,
): Promise<OpenedTracer | { readonly refused: ReadonlyArray<Feature> }> => {
  const tracer = openSocketTracer(addon, options)
  if (!(tracer instanceof SocketTracer)) return tracer
  if (tracer.typesFile === "" || (await areTypesRight(tracer))) return { tracer, refused: [] }
  tracer.close()
  const refused = [wrongTypes(tracer.typesFile)]
  const other = openSocketTracer(addon, { ...options, only: "compat" })
  return other instanceof SocketTracer
    ? { tracer: other, refused }
    : { refused: [...refused, ...other.refused] }
}
