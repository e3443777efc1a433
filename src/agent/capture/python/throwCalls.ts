// Where the module _asyncio throws something into a coroutine, as it does when a Task is cancelled or a time limit is over: it calls a
// method by name, as it does elsewhere, too; but here alone it asks, when nothing comes back, what the coroutine returned instead.

import { readAt, readHeader, segments } from "../probes/elf.ts"
import { type Call, nearCall, nearCallSize, slotCall, slotCallSize, throughSlot } from "../probes/imports.ts"
import { resultAt } from "../probes/resultAt.ts"
import { instructionLength } from "../probes/x64.ts"

/** Code behind a call in which its result is looked for. */
export const behindCall = 48
/** Instructions between the branch and the question. */
const maxInstructions = 6
const maxCodeBytes = 8 * 1_048_576

/** Where a branch goes when what was compared is zero; undefined: it asks something else. */
const whenZero = (code: Buffer, at: number): number | undefined => {
  const [opcode, second] = [code[at], code[at + 1]]
  if (opcode === 0x75) return at + 2
  if (opcode === 0x74) return at + 2 + code.readInt8(at + 1)
  if (opcode !== 0x0f) return undefined
  if (second === 0x85) return at + 6
  return second === 0x84 ? at + 6 + code.readInt32LE(at + 2) : undefined
}

/** Bytes of the call that may begin here; 0: none does. */
const callSizeAt = (code: Buffer, at: number): number => {
  if (code[at] === nearCall) return nearCallSize
  return code[at] === throughSlot && code[at + 1] === slotCall ? slotCallSize : 0
}

/** Whether the code comes from `start` to one of these places without a branch or a call. */
const leadsTo = (code: Buffer, start: number, places: ReadonlySet<number>): boolean => {
  let at = start
  for (let i = 0; i < maxInstructions && at >= 0 && at < code.length; i++) {
    if (places.has(at)) return true
    const length = instructionLength(code, at)
    const opcode = code[at]!
    if (length === 0 || opcode === nearCall || opcode === 0xc3 || (opcode & 0xf0) === 0x70) return false
    at += length
  }
  return false
}

/** Calls whose result, where it is none, leads to one of `questions`. */
export const throwCalls = (fd: number, questions: ReadonlyArray<Call>): ReadonlyArray<Call> => {
  const header = readHeader(fd)
  if (header === undefined || questions.length === 0) return []
  const found: Array<Call> = []
  for (const { isExecutable, offset, size } of segments(fd, header).loaded) {
    if (!isExecutable || size > maxCodeBytes) continue
    const code = readAt(fd, offset, size)
    const places = new Set(questions.map(({ at }) => at - offset))
    for (let at = 0; at + slotCallSize <= code.length; at++) {
      const size = callSizeAt(code, at)
      if (size === 0) continue
      const next = at + size
      const result = resultAt(code.subarray(next, next + behindCall))
      if (result?.added !== 0) continue
      const zero = whenZero(code, next + result.at)
      if (zero !== undefined && leadsTo(code, zero, places))
        found.push({ at: offset + at, next: offset + next })
    }
  }
  return found
}
