// The text of a CONNECT packet, `(DESCRIPTION=(CONNECT_DATA=(SERVICE_NAME=shop)(CID=(PROGRAM=x)(HOST=y)(USER=z))))`, and of a refusal.

interface ConnectData {
  readonly service: string
  readonly attributes: ReadonlyArray<string>
}

const maxValue = 128

const valueOf = (text: string, name: string): string => {
  const found = new RegExp(`\\(\\s*${name}\\s*=\\s*([^()]*)\\)`, "i").exec(text)
  return found === null ? "" : found[1].trim().slice(0, maxValue)
}

export const readConnectData = (text: string): ConnectData => {
  const clientAt = text.search(/\(\s*CID\s*=/i)
  const client = clientAt < 0 ? "" : text.slice(clientAt)
  const attributes: Array<string> = []
  for (const [attribute, name] of [
    ["program", "PROGRAM"],
    ["client_host", "HOST"],
    ["os_user", "USER"],
  ]) {
    const value = valueOf(client, name)
    if (value !== "") attributes.push(attribute, value)
  }
  const service = valueOf(text, "SERVICE_NAME")
  return { service: service === "" ? valueOf(text, "SID") : service, attributes }
}

/** Numbers of Oracle's errors have at most five digits. */
const errorNumber = /^\d{1,5}$/

/** Number of the error that a listener refuses with; 0 when it tells none. */
export const refusalCode = (text: string): number => {
  const code = valueOf(text, "ERR")
  return errorNumber.test(code) ? Number(code) : 0
}
