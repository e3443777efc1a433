// The numbers of all flows of a table, one block of memory for each slot: key, state, both halves, account. A packet touches a
// handful of neighbouring cache lines and allocates nothing. Objects (PacketFlow.ts, FlowHalf.ts, FlowAccount.ts) are views of a
// block.

import { accountLength, coldAccountLength, partBehind } from "../FlowAccount.ts"
import { coldHalfLength, halfLength } from "./FlowHalf.ts"

/** Doubles of a block's parts: first what each packet needs, in lines of 64 bytes. */
const flowLength = 8
const halvesBehind = flowLength
const accountBehind = flowLength + 2 * halfLength
const coldFlowBehind = accountBehind + accountLength
const coldFlowLength = 5
const coldHalvesBehind = coldFlowBehind + coldFlowLength
const blockLength = Math.ceil((coldHalvesBehind + 2 * coldHalfLength) / 8) * 8
/** Of the key, which begins a block. */
const keyLength = 5

export const blockWords = blockLength * 2
export const blockBytes = blockLength * 8

/** The same memory, read in three ways. */
export interface FlowMemory {
  readonly values: Float64Array
  readonly words: Int32Array
  readonly bytes: Uint8Array
}

export const memoryOf = (buffer: ArrayBuffer): FlowMemory => ({
  values: new Float64Array(buffer),
  words: new Int32Array(buffer),
  bytes: new Uint8Array(buffer),
})

/** For so many slots. */
export const slotMemory = (capacity: number): FlowMemory => memoryOf(new ArrayBuffer(capacity * blockBytes))

/** Zeros the block of a slot but for its key, and for the account's part, which is written before it is read. */
export const clearBlock = ({ values }: FlowMemory, slot: number): void => {
  const at = slot * blockLength
  values.fill(0, at + keyLength, at + accountBehind + partBehind)
  values.fill(0, at + coldFlowBehind - coldAccountLength, at + blockLength)
}

/** Where in `values` the parts of a slot's block begin. */
export const blockAt = (slot: number): number => slot * blockLength
export const halfAt = (slot: number, half: 0 | 1): number =>
  slot * blockLength + halvesBehind + half * halfLength
export const accountAt = (slot: number): number => slot * blockLength + accountBehind
export const coldFlowAt = (slot: number): number => slot * blockLength + coldFlowBehind
export const coldHalfAt = (slot: number, half: 0 | 1): number =>
  slot * blockLength + coldHalvesBehind + half * coldHalfLength
