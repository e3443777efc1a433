// A page or panel with nothing to show says why, and what would change that.

import type { ReactNode } from "react"

interface EmptyStateProps {
  readonly title: string
  readonly text?: ReactNode
  readonly children?: ReactNode
  readonly isSmall?: boolean
}

export const EmptyState = ({ title, text, children, isSmall = false }: EmptyStateProps) => (
  <div className={isSmall ? "empty empty-small" : "empty"}>
    {isSmall ? null : (
      <svg className="empty-mark" viewBox="0 0 120 64" aria-hidden="true">
        <path d="M4 18c9-8 18-8 28 0s19 8 28 0 19-8 28 0 19 8 28 0" />
        <path d="M60 22v26" strokeDasharray="1 5" />
        <path className="empty-lead" d="M60 46l6 10a6.8 6.8 0 0 1-12 0z" />
      </svg>
    )}
    <h2>{title}</h2>
    {text === undefined ? null : <p>{text}</p>}
    {children}
  </div>
)
