// Top bar: where one is, which time is shown, whether it moves, how the system feels.

import { useDemo } from "../api/queries.ts"
import { Icon } from "../parts/Icon.tsx"
import { Link } from "../parts/Link.tsx"
import { HealthLink } from "./HealthLink.tsx"
import { pageAddress } from "./location.ts"
import { Logo } from "./Logo.tsx"
import { mainPages } from "./routes.tsx"
import { ThemeButton } from "./ThemeButton.tsx"
import { TimePicker } from "./TimePicker.tsx"
import { setLive, type TimeScope } from "./useTimeScope.ts"

const LiveButton = ({ scope }: { readonly scope: TimeScope }) => (
  <button
    type="button"
    className="button live"
    aria-pressed={scope.isLive}
    title={
      scope.isLive ? "New data comes in by itself. Press to hold still (l)" : "Press to follow new data (l)"
    }
    onClick={() => setLive(scope, !scope.isLive)}
  >
    <span className="live-dot" aria-hidden="true" />
    <span>{scope.isLive ? "Live" : "Paused"}</span>
  </button>
)

const DemoChip = () => {
  const { demo, change } = useDemo()
  if (demo.data?.running !== true) return null
  return (
    <span className="demo-chip">
      Demo traffic
      <button type="button" onClick={() => change.mutate("stop")} disabled={change.isPending}>
        {change.isPending ? "Stopping" : "Stop"}
      </button>
    </span>
  )
}

interface TopBarProps {
  readonly path: string
  readonly params: URLSearchParams
  readonly scope: TimeScope
  readonly onHelp: () => void
}

export const TopBar = ({ path, params, scope, onHelp }: TopBarProps) => (
  <header className="top">
    <Link to={pageAddress("/", params)} className="logo" aria-label="Sonde, to the map">
      <Logo />
      <span className="logo-name">Sonde</span>
    </Link>
    <nav className="nav" aria-label="Pages">
      {mainPages.map((page) => {
        const isHere = page.path === path || (page.path !== "/" && path.startsWith(`${page.path}/`))
        return (
          <Link
            key={page.path}
            to={pageAddress(page.path, params)}
            title={`g ${page.key}`}
            {...(isHere ? { "aria-current": "page" as const } : {})}
          >
            {page.name}
          </Link>
        )
      })}
    </nav>
    <div className="top-tools">
      <DemoChip />
      <TimePicker range={scope.range} />
      <LiveButton scope={scope} />
      <HealthLink params={params} />
      <button
        type="button"
        className="icon-button help-button"
        title="Keys and help (?)"
        aria-label="Help"
        onClick={onHelp}
      >
        <Icon name="help" />
      </button>
      <ThemeButton />
    </div>
  </header>
)
