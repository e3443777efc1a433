// The servers and networks of one Hetzner Cloud project, asked for at intervals. An answer that is not whole changes nothing.
// Source: https://docs.hetzner.cloud/reference/cloud (bearer token, `meta.pagination.next_page`, RateLimit headers).

import * as Effect from "effect/Effect"
import type { ResourceSource, SourceUpdate } from "../ResourceSource.ts"
import { asNumber, at, textAt } from "../untrustedJson.ts"
import { type HetznerInventory, hetznerRecords } from "./hetznerRecords.ts"
import { CloudError, getJson, type JsonApiOptions } from "./JsonApi.ts"

export interface HetznerOptions extends JsonApiOptions {
  /** Names the domain. */
  readonly name: string
  readonly pollMs: number
  /** Of one list. Default: 100,000. */
  readonly mostItems?: number
}

export const hetznerUrl = "https://api.hetzner.cloud/v1"

const pageItems = 50

/** All pages of one list. */
const listAll = (options: HetznerOptions, list: string): Effect.Effect<ReadonlyArray<unknown>, CloudError> =>
  Effect.gen(function* () {
    const most = options.mostItems ?? 100_000
    const all: Array<unknown> = []
    const wrong = (message: string) =>
      new CloudError({
        message: `GET ${options.url}/${list}: ${message}`,
        status: 200,
        isRetriable: false,
        waitMs: 0,
      })
    let page = 1
    while (true) {
      const json = yield* getJson(options, `/${list}?page=${page}&per_page=${pageItems}`)
      const items = at(json, list)
      if (!Array.isArray(items)) return yield* wrong(`the answer has no ${list}`)
      for (const item of items) all.push(item)
      if (all.length > most) return yield* wrong(`more than ${most} items`)
      const next = asNumber(at(json, "meta", "pagination", "next_page"))
      if (textAt(json, "meta", "pagination", "next_page") === "") return all
      if (next !== page + 1) return yield* wrong(`after page ${page} the next page is said to be ${next}`)
      page = next
    }
  })

export const readHetzner = (options: HetznerOptions): Effect.Effect<HetznerInventory, CloudError> =>
  Effect.all({
    locations: listAll(options, "locations"),
    networks: listAll(options, "networks"),
    servers: listAll(options, "servers"),
    loadBalancers: listAll(options, "load_balancers"),
  })

export const hetznerDomain = (name: string): string => `hetzner:${name}`

export const hetznerSource = (options: HetznerOptions): ResourceSource => ({
  domain: hetznerDomain(options.name),
  run: (emit) =>
    readHetzner(options).pipe(
      Effect.match({
        onSuccess: (inventory): SourceUpdate => ({ type: "snapshot", records: hetznerRecords(inventory) }),
        onFailure: ({ message }): SourceUpdate => ({ type: "problem", message }),
      }),
      Effect.flatMap(emit),
      Effect.andThen(Effect.sleep(options.pollMs)),
      Effect.forever,
    ),
})
