// A cluster told of by files: a JSON file, or a directory of them, as `kubectl get nodes,namespaces,pods,... -A -o json` writes. Read
// again whenever one changes; a file with a fault changes nothing.

import { basename } from "node:path"
import * as Effect from "effect/Effect"
import { fault, FileFault } from "../file/FileRow.ts"
import { readBounded } from "../file/readBounded.ts"
import type { ResourceSource, SourceUpdate } from "../ResourceSource.ts"
import { filesAt, watchPath } from "../watchPath.ts"
import { KubernetesObjects } from "./KubernetesObjects.ts"
import { kubernetesRecords } from "./kubernetesRecords.ts"

const mostBytes = 128 * 1024 * 1024

const isJsonFile = (name: string): boolean => name.toLowerCase().endsWith(".json")

/** "prod=/etc/sonde/prod.json" names the cluster; without a name the file or directory does. */
export const parseClusterPath = (text: string): { readonly cluster: string; readonly path: string } => {
  const equals = text.indexOf("=")
  if (equals > 0 && !text.slice(0, equals).includes("/")) {
    return { cluster: text.slice(0, equals), path: text.slice(equals + 1) }
  }
  return { cluster: basename(text).replace(/\.json$/i, ""), path: text }
}

const addFile = (objects: KubernetesObjects, path: string): Effect.Effect<void, FileFault> =>
  readBounded(path, mostBytes).pipe(
    Effect.flatMap((bytes) =>
      Effect.try({
        try: () => {
          const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes)
          const problem = objects.addJson(JSON.parse(text))
          if (problem !== undefined) throw fault(0, problem)
        },
        catch: (cause) =>
          cause instanceof FileFault
            ? cause
            : fault(0, `is not whole JSON: ${cause instanceof Error ? cause.message : String(cause)}`),
      }),
    ),
    Effect.mapError(({ message }) => new FileFault({ message: `${path}: ${message}` })),
  )

export const kubernetesDomain = (cluster: string): string => `k8s:${cluster}`

export const kubernetesFileSource = (cluster: string, path: string): ResourceSource => {
  const read = Effect.gen(function* () {
    const objects = new KubernetesObjects()
    const files = filesAt(path, isJsonFile)
    if (files.length === 0) return yield* new FileFault({ message: `${path}: no JSON file is there` })
    for (const file of files) {
      yield* addFile(objects, file)
      yield* Effect.yieldNow
    }
    const update: SourceUpdate = { type: "snapshot", records: kubernetesRecords(cluster, objects) }
    return update
  }).pipe(
    Effect.catch(({ message }) => {
      const problem: SourceUpdate = { type: "problem", message }
      return Effect.succeed(problem)
    }),
  )
  return {
    domain: kubernetesDomain(cluster),
    run: (emit) => watchPath({ path, matches: isJsonFile }, Effect.flatMap(read, emit)),
  }
}
