import { slapd } from "../../system/support/servers.ts"
import type { Peer } from "../Peer.ts"
import { run } from "../run.ts"

const requests: Readonly<Record<string, string>> = {
  0: "Bind",
  2: "Unbind",
  3: "Search",
  6: "Modify",
  8: "Add",
  10: "Delete",
}

const base = "dc=shop,dc=test"

export const ldap: Peer = {
  name: "ldap",
  programs: ["/usr/sbin/slapd", "ldapsearch", "ldapadd"],
  transport: "tcp",
  start: slapd,
  drive: (port) => {
    const at = ["-x", "-H", `ldap://127.0.0.1:${port}`]
    const admin = [...at, "-D", `cn=admin,${base}`, "-w", "secret"]
    const entry = (dn: string, ...lines: ReadonlyArray<string>) => ["dn: " + dn, ...lines, ""].join("\n")
    run("ldapadd", admin, {
      input: entry(base, "objectClass: dcObject", "objectClass: organization", "o: shop"),
    })
    run("ldapadd", admin, { input: entry(`ou=people,${base}`, "objectClass: organizationalUnit") })
    run("ldapadd", admin, {
      input: entry(`ou=people,${base}`, "objectClass: organizationalUnit"),
      mayFail: true,
    })
    run("ldapsearch", [...at, "-b", base, "(ou=people)"])
    run("ldapsearch", [...at, "-b", `ou=nowhere,${base}`], { mayFail: true })
    run("ldapsearch", [...at, "-D", `cn=admin,${base}`, "-w", "wrong", "-b", base], { mayFail: true })
    run("ldapdelete", [...admin, `ou=people,${base}`])
  },
  dissector: "ldap",
  fields: ["ldap.protocolOp", "ldap.baseObject", "ldap.resultCode"],
  theirs: (packets) => ({
    requests: packets.flatMap((packet) =>
      packet["ldap.protocolOp"]!.flatMap((operation) => {
        const name = requests[operation]
        if (name === undefined) return []
        return name === "Search" ? `Search ${packet["ldap.baseObject"]![0]}` : name
      }),
    ),
    responses: packets.flatMap((packet) => packet["ldap.resultCode"]!),
  }),
  ours: (message) =>
    message["msg"] === "response"
      ? `${message["response_code"]}`
      : message["request_type"] === "Search"
        ? `Search ${String(message["request_resource"]).split("?")[0]}`
        : `${message["request_type"]}`,
}
