// Why settings or groups were not changed.

import * as Data from "effect/Data"

/** They cannot be so; `problems` has one line for each fault. */
export class ConfigInvalid extends Data.TaggedError("ConfigInvalid")<{
  readonly problems: ReadonlyArray<string>
}> {
  override get message(): string {
    return this.problems.join("\n")
  }
}

/** Somebody else was first, or a staged change is under way. */
export class ConfigConflict extends Data.TaggedError("ConfigConflict")<{
  readonly message: string
  /** What to do now. */
  readonly next: string
  /** Version that is in force, and who made it when. */
  readonly version: number
  readonly author: string
  readonly changedMs: number
}> {}

export class ConfigNotFound extends Data.TaggedError("ConfigNotFound")<{ readonly message: string }> {}

export type ConfigFailure = ConfigInvalid | ConfigConflict | ConfigNotFound
