// Asks a server what its administrators ask, by HTTP, with the token that stands in its data directory.

import { readFileSync } from "node:fs"
import { join } from "node:path"
import type { Sonde } from "./Sonde.ts"

/** The answer; an error tells what the server said. */
export const askAdmin = async <Answer>(
  server: Sonde,
  call: string,
  payload: unknown = {},
): Promise<Answer> => {
  const { url } = await server.ready
  const response = await fetch(new URL(`/api/v1/admin/${call}`, url), {
    method: "POST",
    headers: {
      "content-type": "application/json",
      authorization: `Bearer ${readFileSync(join(server.data, "admin-token"), "utf8").trim()}`,
    },
    body: JSON.stringify(payload),
  })
  if (!response.ok) throw new Error(`${call}: ${response.status} ${await response.text()}`)
  return (await response.json()) as Answer
}
