// What stands in place of an answer of administration that is not there: loading, not allowed, not possible here, failed. The old
// answer stays when the newest asking failed.

import type { UseQueryResult } from "@tanstack/react-query"
import type { ReactNode } from "react"
import { ApiFailure } from "../api/client.ts"
import { askForToken, forgetToken } from "../api/token.ts"
import { EmptyState } from "./EmptyState.tsx"
import { ErrorNote, StaleNote } from "./ErrorNote.tsx"
import { Loading } from "./Loading.tsx"

interface AnswerProps<Data> {
  readonly query: UseQueryResult<Data>
  /** "agents", "the audit log" */
  readonly what: string
  readonly children: (data: Data) => ReactNode
}

const Refusal = ({ query, what }: { readonly query: UseQueryResult<unknown>; readonly what: string }) => {
  const { error } = query
  if (!(error instanceof ApiFailure) || (error.status !== 403 && error.status !== 503)) {
    return (
      <div className="page-padding">
        <ErrorNote error={error ?? new Error("no answer")} onRetry={() => void query.refetch()} />
      </div>
    )
  }
  const sentence = `${error.message.slice(0, 1).toUpperCase()}${error.message.slice(1)}.`.replace(
    /\.\.$/,
    ".",
  )
  if (error.status === 503) {
    return (
      <EmptyState isSmall title={`No answer about ${what}`} text={`${sentence} ${error.next}`}>
        <button type="button" className="button" onClick={() => void query.refetch()}>
          Try again
        </button>
      </EmptyState>
    )
  }
  return (
    <EmptyState isSmall title={`You may not see ${what} yet`} text={sentence}>
      <button
        type="button"
        className="button primary"
        onClick={() => {
          forgetToken()
          void askForToken("").then(() => query.refetch())
        }}
      >
        Give a token
      </button>
    </EmptyState>
  )
}

export const Answer = <Data,>({ query, what, children }: AnswerProps<Data>) => {
  if (query.data === undefined) {
    return query.isError ? <Refusal query={query} what={what} /> : <Loading what={what} />
  }
  return (
    <>
      <StaleNote error={query.error} />
      {children(query.data)}
    </>
  )
}
