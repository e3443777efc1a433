import { chmodSync, chownSync, globSync } from "node:fs"
import { userInfo } from "node:os"
import { dirname, join } from "node:path"
import type { Peer } from "../Peer.ts"
import { background, run } from "../run.ts"

const postgres = globSync("/usr/lib/postgresql/*/bin/postgres").at(-1) ?? "/usr/lib/postgresql/bin/postgres"

/** It refuses to run as root. */
const asOwner = (folder: string, program: string, args: ReadonlyArray<string>) => {
  if (userInfo().uid !== 0) return [program, args] as const
  const [uid, gid] = [run("id", ["-u", "postgres"]), run("id", ["-g", "postgres"])]
  chownSync(folder, Number(uid), Number(gid))
  chmodSync(folder, 0o700)
  return [
    "setpriv",
    ["--reuid", uid.trim(), "--regid", gid.trim(), "--clear-groups", program, ...args],
  ] as const
}

const client = (port: number, sql: string): string =>
  run("psql", ["-h", "127.0.0.1", "-p", `${port}`, "-U", "ann", "-d", "postgres", "-v", "ON_ERROR_STOP=0"], {
    input: sql,
    mayFail: true,
    env: { ...process.env, PGSSLMODE: "disable", PGGSSENCMODE: "disable" },
  })

export const postgresql: Peer = {
  name: "postgresql",
  programs: [postgres, "psql"],
  transport: "tcp",
  start: (port, folder) => {
    const data = join(folder, "data")
    run(
      ...asOwner(folder, join(dirname(postgres), "initdb"), [
        "-D",
        data,
        "-U",
        "ann",
        "-A",
        "trust",
        "--no-sync",
      ]),
    )
    const [program, args] = asOwner(folder, postgres, [
      "-D",
      data,
      "-p",
      `${port}`,
      "-h",
      "127.0.0.1",
      "-k",
      folder,
    ])
    return background(program, args)
  },
  isReady: (port) => client(port, "SELECT 1").includes("1"),
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
