// Notices changes of files and directories within half a second: by the kernel's word where it comes, by looking in any case (network
// file systems, replaced mounts). Calls back when what is there has been quiet for a moment, so that half-written files are rare.

import { type FSWatcher, readdirSync, statSync, watch } from "node:fs"
import { dirname, join } from "node:path"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"

export interface WatchOptions {
  readonly path: string
  /** Of a directory: which of its files count. */
  readonly matches: (name: string) => boolean
  /** Default: 400. */
  readonly lookEveryMs?: number
  /** Default: 100. */
  readonly quietMs?: number
}

/** A file that never rests is read all the same after so many looks. */
const restlessMost = 5

/** The files at `path`, itself or those in it, in order; empty: nothing there. */
export const filesAt = (path: string, matches: (name: string) => boolean): ReadonlyArray<string> => {
  try {
    if (!statSync(path).isDirectory()) return [path]
    return readdirSync(path)
      .filter(matches)
      .sort()
      .map((name) => join(path, name))
  } catch {
    return []
  }
}

/** The same as long as nothing changed. */
const signatureOf = ({ matches, path }: WatchOptions): string =>
  filesAt(path, matches)
    .map((file) => {
      try {
        const { ino, mtimeMs, size } = statSync(file)
        return `${file} ${ino} ${mtimeMs} ${size}`
      } catch {
        return `${file} gone`
      }
    })
    .join("\n")

const openWatcher = (path: string, changed: () => void): FSWatcher | undefined => {
  try {
    const watcher = watch(path, changed)
    watcher.on("error", () => watcher.close())
    return watcher
  } catch {
    return undefined
  }
}

/** Runs `read` at once and after every change, for good. */
export const watchPath = <E>(options: WatchOptions, read: Effect.Effect<void, E>): Effect.Effect<never, E> =>
  Effect.scoped(
    Effect.gen(function* () {
      const changed = yield* Latch.make(false)
      const wake = () => void changed.openUnsafe()
      // The directory above tells of files that are replaced by renaming.
      for (const path of new Set([options.path, dirname(options.path)])) {
        yield* Effect.acquireRelease(
          Effect.sync(() => openWatcher(path, wake)),
          (watcher) => Effect.sync(() => watcher?.close()),
        )
      }
      let last = "never"
      let restless = 0
      while (true) {
        const signature = signatureOf(options)
        if (signature !== last) {
          yield* Effect.sleep(options.quietMs ?? 100)
          if (signatureOf(options) !== signature && ++restless < restlessMost) continue
          restless = 0
          last = signature
          yield* read
        }
        yield* changed.close
        yield* changed.await.pipe(Effect.timeoutOption(options.lookEveryMs ?? 400))
      }
    }),
  )
