// One side of a request: which process, at which address.

import type { RequestRow } from "../../api/contract.ts"
import { pageAddress } from "../../app/location.ts"
import { endAddress, unknownEnd } from "../../parts/ends.ts"
import { Link } from "../../parts/Link.tsx"

interface SideCardProps {
  readonly side: "client" | "server"
  readonly row: RequestRow
  readonly processName: string
  readonly thread: number
  readonly isSeen: boolean
  readonly params: URLSearchParams
}

export const SideCard = ({ side, row, processName, thread, isSeen, params }: SideCardProps) => {
  const isClient = side === "client"
  const service = isClient ? row.client : row.server
  const pid = isClient ? row.clientPid : row.serverPid
  const ip = isClient ? row.clientIp : row.serverIp
  const port = isClient ? row.clientPort : row.serverPort
  const facts: ReadonlyArray<readonly [name: string, value: string]> = [
    ["Address", endAddress(ip, port)],
    ["Process name", processName],
    ["Thread", thread === 0 ? "" : String(thread)],
  ]
  return (
    <section className="card request-card">
      <h2>
        {isClient ? "Client" : "Server"}
        <span className="faint">
          {isSeen ? "seen in its system calls" : ip === "" ? "" : pid === 0 ? "external" : "not seen itself"}
        </span>
      </h2>
      <dl className="facts">
        <div>
          <dt>Service</dt>
          <dd>
            {service === "" ? (
              unknownEnd
            ) : (
              <Link to={pageAddress("/", params, { sel: service })}>{service}</Link>
            )}
          </dd>
        </div>
        {pid === 0 ? null : (
          <div>
            <dt>Process</dt>
            <dd>
              <Link to={pageAddress("/processes", params, { q: String(pid) })}>{pid}</Link>
            </dd>
          </div>
        )}
        {facts.map(([name, value]) =>
          value === "" ? null : (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ),
        )}
      </dl>
    </section>
  )
}
