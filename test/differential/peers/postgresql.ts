import { postgresPrograms, postgresql as server } from "../../system/support/servers.ts"
import type { Peer } from "../Peer.ts"
import { run } from "../run.ts"

const client = (port: number, sql: string): string =>
  run(
    "psql",
    ["-h", "127.0.0.1", "-p", `${port}`, "-U", "sonde", "-d", "postgres", "-v", "ON_ERROR_STOP=0"],
    {
      input: sql,
      mayFail: true,
      env: { ...process.env, PGPASSWORD: "secret", PGSSLMODE: "disable", PGGSSENCMODE: "disable" },
    },
  )

export const postgresql: Peer = {
  name: "postgresql",
  programs: [`${postgresPrograms()}/postgres`, "psql"],
  transport: "tcp",
  start: server,
  drive: (port) => {
    client(
      port,
      "CREATE TABLE item (id int primary key, name text);\nINSERT INTO item VALUES (1, 'tea'), (2, 'cup');\n",
    )
    client(
      port,
      "SELECT * FROM item WHERE id = 1;\nSELECT nothing FROM nowhere;\nINSERT INTO item VALUES (1, 'again');\n",
    )
    client(
      port,
      "UPDATE item SET name = 'pot';\nSELEC 1;\nSELECT 1 / 0;\n\\copy item to /dev/null\nDELETE FROM item;\nDROP TABLE item;\n",
    )
  },
  dissector: "pgsql",
  fields: ["pgsql.query", "pgsql.code"],
  theirs: (packets) => ({
    requests: packets.flatMap((packet) => packet["pgsql.query"]!),
    responses: packets.flatMap((packet) => packet["pgsql.code"]!),
  }),
  ours: (message) =>
    message["msg"] === "request"
      ? message["request_type"] === "Q"
        ? `${message["request_resource"]}`
        : undefined
      : ((message["attributes"] as Record<string, string> | undefined)?.["sqlstate"] ?? undefined),
}
