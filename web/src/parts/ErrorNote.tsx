// What went wrong, in the server's words, and what to do next.

import { ApiFailure } from "../api/client.ts"
import { Icon } from "./Icon.tsx"

interface ErrorNoteProps {
  readonly error: Error
  readonly title?: string
  readonly next?: string
  readonly onRetry?: () => void
}

export const ErrorNote = ({ error, title, next, onRetry }: ErrorNoteProps) => {
  const nextStep = next ?? (error instanceof ApiFailure ? error.next : "Try again.")
  return (
    <div className="error-note" role="alert">
      <Icon name="warning" />
      <div>
        {title === undefined ? null : <strong>{title}</strong>}
        <p>{error.message}</p>
        <p className="soft">{nextStep}</p>
      </div>
      {onRetry === undefined ? null : (
        <button type="button" className="button" onClick={onRetry}>
          Try again
        </button>
      )}
    </div>
  )
}

/** An error beside data that is still shown: one line. */
export const StaleNote = ({ error }: { readonly error: Error | null }) =>
  error === null ? null : (
    <div className="stale-note" role="status">
      <Icon name="warning" />
      <span>
        <strong>{error.message}</strong> What you see is the last answer.{" "}
        {error instanceof ApiFailure ? error.next : ""}
      </span>
    </div>
  )
