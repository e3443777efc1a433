// What one source has told so far: its resources and annotations in clean form, and whether that is all of them.

import type { SourceRecord, SourceUpdate } from "../source/ResourceSource.ts"
import type { CleanAnnotation, CleanRecord, RecordCleaner } from "./cleanRecord.ts"
import { inSteps } from "./inSteps.ts"

type Told = Exclude<SourceUpdate, { type: "problem" }>

export class DomainState {
  readonly domain: string
  /** By kind and uid. */
  readonly records = new Map<string, CleanRecord>()
  annotations: ReadonlyArray<CleanAnnotation> = []
  /** Gone, though not all is told yet. */
  readonly removed = new Set<string>()
  /** False: resources stored earlier may exist without having been told of again. */
  isWhole = false

  constructor(domain: string) {
    this.domain = domain
  }

  /** Yields now and then; whole only when it has come to its end. */
  *apply(update: Told, cleaner: RecordCleaner): Generator<void, void> {
    const keep = (source: SourceRecord): void => {
      const record = cleaner.record(source)
      if (record === undefined) return
      this.records.set(recordKey(record), record)
      this.removed.delete(recordKey(record))
    }
    if (update.type === "snapshot") {
      this.records.clear()
      this.removed.clear()
      this.isWhole = true
      this.annotations = (update.annotations ?? []).map((one) => cleaner.annotation(one))
      yield* inSteps(update.records, keep)
      return
    }
    yield* inSteps(update.set, keep)
    for (const gone of update.remove) {
      this.records.delete(recordKey(gone))
      if (!this.isWhole) this.removed.add(recordKey(gone))
    }
  }
}

export const recordKey = ({ kind, uid }: { readonly kind: string; readonly uid: string }): string =>
  `${kind}\0${uid}`

/** Names a resource among all domains. */
export const identity = (domain: string, kind: string, uid: string): string => `${domain}\0${kind}\0${uid}`
