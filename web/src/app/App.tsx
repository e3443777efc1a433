// The frame around every page: top bar, the page of the address, help, and the keys that work everywhere.

import { Suspense, useEffect, useRef, useState } from "react"
import { EmptyState } from "../parts/EmptyState.tsx"
import { Link } from "../parts/Link.tsx"
import { Loading } from "../parts/Loading.tsx"
import { HelpDialog } from "./HelpDialog.tsx"
import { navigate, pageAddress, usePlace } from "./location.ts"
import { PageBoundary } from "./PageBoundary.tsx"
import { loadOtherPages, mainPages, pageAt } from "./routes.tsx"
import { focusSearch, useShortcuts } from "./shortcuts.ts"
import { TopBar } from "./TopBar.tsx"
import { setLive, useTimeScope } from "./useTimeScope.ts"
import "./app.css"

const otherPagesAfterMs = 1_500

const NoSuchPage = () => (
  <EmptyState title="There is no such page" text="The address leads nowhere in this console.">
    <Link to="/" className="button">
      Open the map
    </Link>
  </EmptyState>
)

export const App = () => {
  const { path, params } = usePlace()
  const scope = useTimeScope()
  const [isHelpOpen, setHelpOpen] = useState(false)
  const current = pageAt(path)

  useShortcuts({
    ...Object.fromEntries(
      mainPages.map((page) => [`g ${page.key}`, () => navigate(pageAddress(page.path, params))]),
    ),
    "/": focusSearch,
    "?": () => setHelpOpen(true),
    l: () => setLive(scope, !scope.isLive),
  })

  useEffect(() => {
    const timer = window.setTimeout(loadOtherPages, otherPagesAfterMs)
    return () => window.clearTimeout(timer)
  }, [])

  useEffect(() => {
    document.title = `${current?.name ?? "Not found"} · Sonde`
  }, [current])

  // Who walks by keys or hears the page starts at the top of each new one.
  const shownPath = useRef(path)
  useEffect(() => {
    if (shownPath.current === path) return
    shownPath.current = path
    document.getElementById("page")?.focus({ preventScroll: true })
  }, [path])

  return (
    <div className="app">
      <a className="skip" href="#page">
        Skip to the page
      </a>
      <TopBar path={path} params={params} scope={scope} onHelp={() => setHelpOpen(true)} />
      <main id="page" className="page" tabIndex={-1}>
        <PageBoundary key={path}>
          <Suspense fallback={<Loading what="the page" />}>
            {current === undefined ? <NoSuchPage /> : <current.Page />}
          </Suspense>
        </PageBoundary>
      </main>
      <HelpDialog isOpen={isHelpOpen} onClose={() => setHelpOpen(false)} />
    </div>
  )
}
