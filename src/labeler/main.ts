// The labeler's wiring, in the order of data: sources by configuration, recorder and publisher, events.

import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { ClickHouse } from "../runtime/clickhouse/ClickHouse.ts"
import type { SondeConfig } from "../runtime/configSchema.ts"
import { labelDictionaries } from "../tables/labelDictionaries.ts"
import { recordDictionaries } from "../tables/recordDictionaries.ts"
import { Labeler, type LeaderGate } from "./Labeler.ts"
import type { EventSink } from "./publish/EventSink.ts"
import { hetznerSource, hetznerUrl } from "./source/cloud/hetznerSource.ts"
import { fileSource } from "./source/file/fileSource.ts"
import { kubernetesFileSource, parseClusterPath } from "./source/kubernetes/kubernetesFileSource.ts"
import { MachineFeed } from "./source/machines/MachineFeed.ts"
import { machinesSource } from "./source/machines/machinesSource.ts"
import { distinctDomains } from "./source/distinctDomains.ts"
import type { ResourceSource } from "./source/ResourceSource.ts"

const hourMs = 3_600_000

export const labelerSources = (
  { labeler }: Pick<SondeConfig, "labeler">,
  feed: MachineFeed["Service"],
): ReadonlyArray<ResourceSource> => {
  const { az, hetzner, region } = labeler
  return distinctDomains([
    machinesSource({
      feed,
      region,
      az,
      pollMs: labeler.machineSeconds * 1_000,
      keepMs: labeler.machineHours * hourMs,
    }),
    ...labeler.files.map((path) => fileSource(path)),
    ...labeler.kubernetes
      .map(parseClusterPath)
      .map(({ cluster, path }) => kubernetesFileSource(cluster, path)),
    ...(hetzner.token === ""
      ? []
      : [
          hetznerSource({
            name: hetzner.name,
            url: hetzner.url === "" ? hetznerUrl : hetzner.url.replace(/\/+$/, ""),
            token: hetzner.token,
            pollMs: hetzner.pollSeconds * 1_000,
          }),
        ]),
  ])
}

export const labeler = (
  config: Pick<SondeConfig, "labeler">,
  whenLeader?: LeaderGate,
): Layer.Layer<Labeler, never, ClickHouse | EventSink | MachineFeed> =>
  Layer.unwrap(
    Effect.map(MachineFeed, (feed) =>
      Labeler.layer({
        sources: labelerSources(config, feed),
        dictionaries: [...recordDictionaries, ...labelDictionaries],
        ...(whenLeader === undefined ? {} : { whenLeader }),
      }),
    ),
  )
