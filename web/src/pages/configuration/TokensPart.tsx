// Tokens for agents to enrol with and for people to administer with. Only an admin sees them; secrets are not kept.

import { useState } from "react"
import type { TokenView } from "../../api/adminContract.ts"
import { useTokens } from "../../api/adminQueries.ts"
import { askForToken, useHasToken } from "../../api/token.ts"
import { useNowMs } from "../../app/clock.ts"
import { Answer } from "../../parts/Answer.tsx"
import { ChangeButton } from "../../parts/ChangeButton.tsx"
import { EmptyState } from "../../parts/EmptyState.tsx"
import { formatMoment, formatSpan } from "../../parts/format.ts"
import { WideTable } from "../../parts/WideTable.tsx"
import { MakeToken } from "./MakeToken.tsx"

const stateOf = (token: TokenView, nowMs: number): string => {
  if (token.isRevoked) return "revoked"
  if (token.expiresMs > 0 && token.expiresMs <= nowMs) return "expired"
  if (token.usesMost > 0 && token.uses >= token.usesMost) return "used up"
  return ""
}

const TokenRow = ({ token, nowMs }: { readonly token: TokenView; readonly nowMs: number }) => {
  const state = stateOf(token, nowMs)
  return (
    <tr>
      <td className="mono">{token.id}</td>
      <td>
        <b>{token.role}</b>
        <div className="faint">{token.note}</div>
      </td>
      <td className="number">{token.usesMost === 0 ? token.uses : `${token.uses} of ${token.usesMost}`}</td>
      <td className="soft">{formatMoment(token.createdMs * 1_000).slice(0, -7)}</td>
      <td className="soft">
        {state !== "" ? (
          <span className="mark mark-warn">{state}</span>
        ) : token.expiresMs === 0 ? (
          "never"
        ) : (
          `in ${formatSpan((token.expiresMs - nowMs) / 1_000)}`
        )}
      </td>
      <td className="row-actions">
        {token.isRevoked ? null : (
          <ChangeButton
            name="Revoke"
            about={token.id}
            change={{ call: "TokenRevoke", payload: { id: token.id } }}
            confirm="Whoever has it is let in no more. Agents that have enrolled with it stay."
          />
        )}
      </td>
    </tr>
  )
}

const TokenList = () => {
  const tokens = useTokens()
  const nowMs = useNowMs()
  return (
    <Answer query={tokens} what="tokens">
      {(all) =>
        all.length === 0 ? (
          <EmptyState
            isSmall
            title="There are no tokens"
            text="One with the role agent lets agents of other hosts enrol."
          />
        ) : (
          <WideTable
            name="Tokens"
            columns={["Token", "Role", { number: "Uses" }, "Made", "Expires", { hidden: "Change" }]}
          >
            {all.map((token) => (
              <TokenRow key={token.id} token={token} nowMs={nowMs} />
            ))}
          </WideTable>
        )
      }
    </Answer>
  )
}

export const TokensPart = () => {
  const hasToken = useHasToken()
  const [isMaking, setMaking] = useState(false)
  return (
    <section className="card admin-card">
      <div className="section-head">
        <h2>Tokens</h2>
        <button type="button" className="button" onClick={() => setMaking(true)}>
          New token
        </button>
      </div>
      {hasToken ? (
        <TokenList />
      ) : (
        <EmptyState
          isSmall
          title="Only an admin sees tokens"
          text="Their secrets are not kept and not shown."
        >
          <button type="button" className="button" onClick={() => void askForToken("")}>
            Give a token
          </button>
        </EmptyState>
      )}
      {isMaking ? <MakeToken onClose={() => setMaking(false)} /> : null}
    </section>
  )
}
