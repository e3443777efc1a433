// `sonde admin ...`: asks and tells the servers of a region.

import * as Command from "effect/cli/Command"
import { audit, domains, metrics, tokens, whoami } from "./access.ts"
import { agents } from "./agents.ts"
import { certificates } from "./certificates.ts"
import { config, groups } from "./config.ts"
import { packages } from "./packages.ts"
import { leader, rebalance, regions, servers } from "./servers.ts"

export const admin = Command.make("admin").pipe(
  Command.withDescription("Administer agents and servers: who there is, what they run with, who may do what"),
  Command.withSubcommands([
    agents,
    groups,
    config,
    servers,
    leader,
    rebalance,
    regions,
    domains,
    packages,
    tokens,
    certificates,
    audit,
    metrics,
    whoami,
  ]),
)
