// The living servers of the region: what each is for, what it carries, whether it gives its agents away.

import type { PlannedServer, ServerView } from "../../api/adminContract.ts"
import { useNowMs } from "../../app/clock.ts"
import { pageAddress } from "../../app/location.ts"
import { ChangeButton } from "../../parts/ChangeButton.tsx"
import { formatCount, formatExact, formatSpan } from "../../parts/format.ts"
import { Link } from "../../parts/Link.tsx"
import { WideTable } from "../../parts/WideTable.tsx"
import { ShareBar } from "./ShareBar.tsx"
import { scaleOf, type Share, sharesOf } from "./shares.ts"

const DrainButton = ({ server }: { readonly server: ServerView }) => (
  <ChangeButton
    name={server.isDraining ? "Undrain" : "Drain"}
    about={server.id}
    change={{ call: "ServerDrain", payload: { id: server.id, isDraining: !server.isDraining } }}
    {...(server.isDraining
      ? {}
      : {
          confirm:
            "It gives its agents to the other servers and takes none until it is undrained. It can then be stopped without a gap.",
        })}
  />
)

interface RowProps {
  readonly server: ServerView
  readonly share: Share | undefined
  readonly scale: number
  readonly nowMs: number
  readonly params: URLSearchParams
}

const ServerRow = ({ server, share, scale, nowMs, params }: RowProps) => (
  <tr>
    <td>
      <b>{server.id}</b>
      <div className="server-marks">
        {server.isLeader ? <span className="mark mark-leader">leads</span> : null}
        {server.isDraining ? <span className="mark mark-draining">draining</span> : null}
      </div>
    </td>
    <td className="soft">
      {server.roles.join(", ")}
      <div className="faint">{server.zone === "" ? "any zone" : `zone ${server.zone}`}</div>
    </td>
    <td>
      <Link to={pageAddress("/agents", params, { q: server.id })}>{formatExact(server.agents)}</Link>
    </td>
    <td className="server-load">
      <span>
        {formatCount(server.load)} rows/s
        {share === undefined || share.fair === 0 ? null : (
          <span className="faint"> of {formatCount(share.fair)} fair</span>
        )}
      </span>
      {share === undefined ? null : <ShareBar value={share.before} fair={share.fair} scale={scale} />}
    </td>
    <td className="number soft">{formatExact(server.capacity)}</td>
    <td className="soft">
      {server.version}
      <div className="faint">up {formatSpan(Math.max(0, (nowMs - server.startedMs) / 1_000))}</div>
    </td>
    <td className="mono soft server-address">
      {server.control}
      <div>{server.http}</div>
    </td>
    <td>
      <DrainButton server={server} />
    </td>
  </tr>
)

interface ServerTableProps {
  readonly servers: ReadonlyArray<ServerView>
  readonly planned: ReadonlyArray<PlannedServer>
  readonly params: URLSearchParams
}

export const ServerTable = ({ servers, planned, params }: ServerTableProps) => {
  const nowMs = useNowMs()
  const shares = sharesOf(planned, servers, "load")
  const scale = scaleOf(shares)
  return (
    <WideTable
      name="Servers"
      columns={[
        "Server",
        "Roles",
        "Agents",
        "Load",
        { number: "Capacity" },
        "Version",
        "Control, queries",
        { hidden: "Change" },
      ]}
    >
      {servers.map((server) => (
        <ServerRow
          key={server.id}
          server={server}
          share={shares.find(({ id }) => id === server.id)}
          scale={scale}
          nowMs={nowMs}
          params={params}
        />
      ))}
    </WideTable>
  )
}
