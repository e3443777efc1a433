// Who made the system call that moved some bytes.

export interface CallSite {
  readonly thread: number
  /** Address of the goroutine, or id of the Task (SONDE_TASK_ID in bpf/include/sonde_event.h); 0: none is known. */
  readonly coroutine: number
  /** Of the event among those of its socket; 0: not numbered. */
  readonly number: number
}

/** Packets do not say. */
export const noCall: CallSite = { thread: 0, coroutine: 0, number: 0 }
