// The health of the whole system as one dot; leads to the System page.

import { useHealth } from "../api/queries.ts"
import { Link } from "../parts/Link.tsx"
import { pageAddress } from "./location.ts"

const words = {
  ok: "All parts run",
  degraded: "A part is limited or restarts",
  down: "A part has failed",
  silent: "The server does not answer",
  asking: "Asking for the health",
}

export const HealthLink = ({ params }: { readonly params: URLSearchParams }) => {
  const health = useHealth()
  const state = health.isError ? "silent" : (health.data?.status ?? "asking")
  return (
    <Link to={pageAddress("/system", params)} className="icon-button health" title={words[state]}>
      <span className={`dot dot-${state}`} aria-hidden="true" />
      <span className="hidden-text" role="status">
        Health: {words[state]}
      </span>
    </Link>
  )
}
