// The numbers of a service or a call.

import type { Rates } from "../../api/contract.ts"
import { formatExact, formatLatency, formatPercent, formatRate } from "../../parts/format.ts"
import { Stat } from "../../parts/Stat.tsx"
import { toneOf } from "./layout.ts"

export const RatesList = ({ rates, maxUs }: { readonly rates: Rates; readonly maxUs?: number }) => (
  <dl className="stats">
    <Stat
      name="Rate"
      value={formatRate(rates.ratePerSecond)}
      note={`${formatExact(rates.requests)} in all`}
    />
    <Stat
      name="Errors"
      value={formatPercent(rates.errorRatio)}
      tone={toneOf(rates.errorRatio)}
      note={`${formatExact(rates.errors)} in all`}
    />
    <Stat name="p50" value={formatLatency(rates.p50Us)} />
    <Stat
      name="p95"
      value={formatLatency(rates.p95Us)}
      note={maxUs === undefined ? undefined : `max ${formatLatency(maxUs)}`}
    />
  </dl>
)
