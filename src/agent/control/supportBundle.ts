// What helps somebody who cannot log in to the machine: what the agent is, sees, can and counts. No payloads, no secrets.

import { hostname, loadavg, release, uptime } from "node:os"
import { gzipSync } from "node:zlib"
import type { AgentStatus } from "../../model/AgentStatus.ts"
import type { SondeConfig } from "../../runtime/configSchema.ts"

export interface BundleSources {
  readonly agentId: string
  readonly version: string
  readonly config: SondeConfig
  readonly status: AgentStatus | undefined
  readonly counters: Readonly<Record<string, number>>
}

/** JSON, gzipped. */
export const supportBundle = ({ agentId, config, counters, status, version }: BundleSources): Uint8Array =>
  gzipSync(
    JSON.stringify(
      {
        agentId,
        version,
        node: process.version,
        host: hostname(),
        kernel: release(),
        uptimeSeconds: Math.round(uptime()),
        load: loadavg(),
        agent: { ...config.agent, token: config.agent.token === "" ? "" : "***" },
        counters,
        status,
      },
      null,
      1,
    ),
  )
