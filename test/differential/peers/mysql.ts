import { join } from "node:path"
import type { Peer } from "../Peer.ts"
import { background, run } from "../run.ts"

const socket = (folder: string): string => join(folder, "s.sock")

const client = (port: number, sql: string): string =>
  run("mariadb", ["-h127.0.0.1", `-P${port}`, "-uann", "-psecret", "--skip-ssl", "--force", "shop"], {
    input: sql,
    mayFail: true,
  })

export const mysql: Peer = {
  name: "mysql",
  programs: ["mariadbd", "mariadb-install-db", "mariadb"],
  transport: "tcp",
  start: (port, folder) => {
    const data = join(folder, "data")
    run("mariadb-install-db", [
      "--no-defaults",
      "--user=root",
      `--datadir=${data}`,
      "--auth-root-authentication-method=normal",
    ])
    return background("mariadbd", [
      ...["--no-defaults", "--user=root", `--datadir=${data}`, `--socket=${socket(folder)}`],
      ...[`--port=${port}`, "--bind-address=127.0.0.1", "--skip-name-resolve"],
    ])
  },
  prepare: (_port, folder) => {
    run("mariadb", [
      "-uroot",
      `-S${socket(folder)}`,
      "-e",
      "CREATE DATABASE shop; CREATE USER ann@'127.0.0.1' IDENTIFIED BY 'secret'; GRANT ALL ON shop.* TO ann@'127.0.0.1'",
    ])
  },
  drive: (port) => {
    client(
      port,
      "CREATE TABLE item (id INT PRIMARY KEY, name TEXT); INSERT INTO item VALUES (1, 'tea'), (2, 'cup');\n",
    )
    client(
      port,
      "SELECT * FROM item WHERE id = 1; SELECT nothing FROM nowhere; INSERT INTO item VALUES (1, 'again');\n",
    )
    client(port, "UPDATE item SET name = 'pot' WHERE id = 2; SELEC 1; DELETE FROM item; DROP TABLE item;\n")
    // Refused at login.
    run("mariadb", ["-h127.0.0.1", `-P${port}`, "-uann", "-pwrong", "--skip-ssl", "-e", "SELECT 1"], {
      mayFail: true,
    })
  },
  dissector: "mysql",
  fields: ["mysql.command", "mysql.query", "mysql.error_code"],
  theirs: (packets) => ({
    requests: packets.flatMap((packet) => packet["mysql.query"]!),
    responses: packets.flatMap((packet) => packet["mysql.error_code"]!),
  }),
  ours: (message) =>
    message["msg"] === "request"
      ? message["request_type"] === "COM_QUERY"
        ? `${message["request_resource"]}`
        : undefined
      : message["response_code"] === undefined
        ? undefined
        : `${message["response_code"]}`,
}
