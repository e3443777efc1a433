import { mariadb } from "../../system/support/servers.ts"
import type { Peer } from "../Peer.ts"
import { run } from "../run.ts"

const client = (port: number, sql: string, database = "shop"): string =>
  run("mariadb", ["-h127.0.0.1", `-P${port}`, "-uann", "-psecret", "--skip-ssl", "--force", database], {
    input: sql,
    mayFail: true,
  })

export const mysql: Peer = {
  name: "mysql",
  programs: ["/usr/sbin/mariadbd", "mariadb"],
  transport: "tcp",
  start: mariadb,
  prepare: (port) => void client(port, "CREATE DATABASE shop", "information_schema"),
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
    // Without accounts only a database can be refused.
    client(port, "SELECT 1", "elsewhere")
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
