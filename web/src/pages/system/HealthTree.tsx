// The parts of the system and how each of them is.

import type { HealthPart } from "../../api/contract.ts"

export const HealthTree = ({ parts }: { readonly parts: ReadonlyArray<HealthPart> }) => (
  <ul className="health-tree">
    {parts.map((part) => (
      <li key={part.name}>
        <div className="health-part">
          <span className={`dot dot-${part.state}`} aria-hidden="true" />
          <b>{part.name}</b>
          <span className="soft">{part.state}</span>
          {part.restarts === 0 ? null : <span className="tone-warn">restarted {part.restarts} ×</span>}
          {part.message === undefined ? null : <span className="soft health-message">{part.message}</span>}
        </div>
        {part.parts === undefined || part.parts.length === 0 ? null : <HealthTree parts={part.parts} />}
      </li>
    ))}
  </ul>
)
