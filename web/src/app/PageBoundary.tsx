// A page that fails to draw or to load says so, and the rest of the console goes on.

import { Component, type ReactNode } from "react"
import { ErrorNote } from "../parts/ErrorNote.tsx"

interface State {
  readonly error: Error | undefined
}

export class PageBoundary extends Component<{ readonly children: ReactNode }, State> {
  override state: State = { error: undefined }

  static getDerivedStateFromError(error: unknown): State {
    return { error: error instanceof Error ? error : new Error(String(error)) }
  }

  override render(): ReactNode {
    const { error } = this.state
    if (error === undefined) return this.props.children
    return (
      <div className="page-padding">
        <ErrorNote
          title="This page could not be shown"
          error={error}
          next="Reload the page. A server that was updated in the meantime is the usual cause."
          onRetry={() => window.location.reload()}
        />
      </div>
    )
  }
}
