// SMTP commands as text for records: who the mail is from and to is personal, so that of addresses only the domain stays.

import type { L7Message } from "../../../model/L7Session.ts"

/** RFC 5321, 3030 (BDAT), 3207, 4954, 1985, 2033 (LMTP), and Postfix' own. */
export const verbs: ReadonlySet<string> = new Set([
  "HELO",
  "EHLO",
  "LHLO",
  "MAIL",
  "RCPT",
  "DATA",
  "BDAT",
  "RSET",
  "NOOP",
  "QUIT",
  "VRFY",
  "EXPN",
  "HELP",
  "STARTTLS",
  "AUTH",
  "ETRN",
  "XCLIENT",
  "XFORWARD",
])

const greetings: ReadonlySet<string> = new Set(["HELO", "EHLO", "LHLO"])

/** The local part of each address. */
const localPart = /[^\s<>@:,;"()]+@/g

export const maskAddresses = (text: string): string => text.replaceAll(localPart, "?@")

const domainOf = (argument: string): string => {
  const at = argument.lastIndexOf("@")
  if (at < 0) return ""
  const domain = /^[\w.\-:[\]]+/.exec(argument.slice(at + 1))
  return domain === null ? "" : domain[0].toLowerCase()
}

export const verbOf = (line: string): string => {
  const end = line.indexOf(" ")
  const verb = (end < 0 ? line : line.slice(0, end)).toUpperCase()
  return verbs.has(verb) ? verb : ""
}

/** Fills in the request that the line `text` is. */
export const readCommand = (text: string, message: L7Message, masksLiterals: boolean): void => {
  const verb = verbOf(text)
  const line = verb + text.slice(verb.length)
  const argument = line.slice(verb.length).trim()
  message.requestType = verb === "" ? "UNKNOWN" : verb
  message.endpoint = message.requestType
  if (verb === "AUTH") {
    // The mechanism is a name, what follows it a secret.
    const mechanism = argument.split(" ", 1)[0].toUpperCase()
    message.requestResource = argument.includes(" ") ? `AUTH ${mechanism} ?` : `AUTH ${mechanism}`
    return
  }
  if (greetings.has(verb)) message.requestDomain = argument.toLowerCase()
  else if (verb === "MAIL" || verb === "RCPT") message.requestDomain = domainOf(argument.split(">", 1)[0])
  if (!masksLiterals) message.requestResource = line
  else if (verb === "") message.requestResource = "?"
  else if (verb === "MAIL" || verb === "RCPT")
    message.requestResource = maskAddresses(line.split(" AUTH=", 1)[0])
  else if (verb === "VRFY" || verb === "EXPN" || verb.startsWith("X") || verb === "NOOP")
    message.requestResource = argument === "" ? verb : `${verb} ?`
  else message.requestResource = line
}
