// What the labeler asks of everything that tells of resources: a machine's agent, a file, a cluster, a cloud. A source speaks in its
// own names (uids); numbers, merging with other sources and storing are the recorder's.

import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import type { ResourceKind } from "../../tags/ResourceKind.ts"
import type { ServicePort } from "../../tags/ResourceRecord.ts"

/**
 * Names another resource. `uid`: by its uid in `domain`, by default the source's own. `name`: by uid or name in the own domain, else
 * by the name that only one resource of all domains has. `ip`: the one resource that has this address.
 */
export interface SourceRef {
  readonly kind: ResourceKind
  readonly by: "uid" | "name" | "ip"
  readonly value: string
  readonly domain?: string
}

/** In the source's own domain. */
export const byUid = (kind: ResourceKind, value: string): SourceRef => ({ kind, by: "uid", value })

export interface SourceRecord {
  readonly kind: ResourceKind
  /** Stable within the domain: the same uid is the same resource. */
  readonly uid: string
  readonly name: string
  /** At most one of a kind; what they belong to in turn is added by the recorder. */
  readonly parents?: ReadonlyArray<SourceRef>
  readonly ips?: ReadonlyArray<string>
  readonly macs?: ReadonlyArray<string>
  readonly cidrs?: ReadonlyArray<string>
  readonly containers?: ReadonlyArray<string>
  readonly agents?: ReadonlyArray<string>
  readonly ports?: ReadonlyArray<ServicePort>
  readonly targets?: ReadonlyArray<SourceRef>
  readonly subtype?: number
  /** By full name. */
  readonly tags?: Readonly<Record<string, string>>
  /** "running", "stopped": told in events, not stored. */
  readonly state?: string
  /** It is the same as a resource of this kind in another domain that has one of its addresses, and then adds to that one. */
  readonly joins?: boolean
}

/** Tags and parents for a resource that another source tells of. */
export interface Annotation {
  readonly target: SourceRef
  readonly parents?: ReadonlyArray<SourceRef>
  readonly tags?: Readonly<Record<string, string>>
}

export type SourceUpdate =
  /** All there is: what is not in it is gone. */
  | {
      readonly type: "snapshot"
      readonly records: ReadonlyArray<SourceRecord>
      readonly annotations?: ReadonlyArray<Annotation>
    }
  /** What changed since. */
  | {
      readonly type: "delta"
      readonly set: ReadonlyArray<SourceRecord>
      readonly remove: ReadonlyArray<Pick<SourceRecord, "kind" | "uid">>
    }
  /** It cannot be read now; what was told last stays in force. */
  | { readonly type: "problem"; readonly message: string }

/** The source cannot go on and is started again. */
export class SourceError extends Data.TaggedError("SourceError")<{
  readonly message: string
  readonly cause?: unknown
}> {}

export type Emit = (update: SourceUpdate) => Effect.Effect<void>

export interface ResourceSource {
  /** Name of its realm: "machines", "cmdb:hosts.yaml", "k8s:prod". No two sources have the same. */
  readonly domain: string
  /** Runs for good. The first update says how things stand. */
  readonly run: (emit: Emit) => Effect.Effect<void, SourceError>
}
