// Help: the keys, and what the words on the page mean.

import { useEffect, useRef } from "react"
import { Icon } from "../parts/Icon.tsx"

const keys: ReadonlyArray<readonly [keys: string, what: string]> = [
  ["g m", "Map"],
  ["g r", "Requests"],
  ["g t", "Traces"],
  ["g p", "Processes"],
  ["g a", "Agents"],
  ["g v", "Servers"],
  ["g c", "Configuration"],
  ["g s", "System"],
  ["/", "Search on this page"],
  ["j  k", "Next and previous row"],
  ["Enter", "Open the row"],
  ["t", "Requests: the trace of the row"],
  ["Esc", "Close the panel, leave the field"],
  ["l", "Live on and off"],
  ["+  -  0", "Map: closer, farther, all of it"],
  ["←  →", "Trace: put away or show what is below a span"],
  ["w", "Trace: show the network or fold it"],
  ["z  0", "Trace: only the time of the span, all of it"],
  ["e  n", "Trace: next error, next span found"],
  ["?", "This help"],
]

const words: ReadonlyArray<readonly [word: string, meaning: string]> = [
  ["p95", "95 of 100 requests were answered at least this fast."],
  ["Error", "An answer that says so (HTTP 4xx and 5xx, a Redis error), or no answer in time."],
  [
    "Client process, server process",
    "Where a request was seen: in the system calls of the one who asked or of the one who answered. Seen at both, it is counted once.",
  ],
  [
    "Span, trace",
    "One request or piece of work as it was seen at one place; all that one request set going, with why each span hangs where it hangs.",
  ],
  [
    "Critical path",
    "What the whole trace waited for at each moment: shorten something else and it ends no earlier.",
  ],
  [
    "External",
    "An address that no process seen by Sonde owns: another host, or a program that is left alone.",
  ],
  [
    "Fair share",
    "What a server should carry of the rows of all agents: its part of the capacity of all servers that take agents.",
  ],
  [
    "Layer",
    "Where a setting of agents stands: default, region, group, agent. The later one that sets it wins.",
  ],
]

export const HelpDialog = ({
  isOpen,
  onClose,
}: {
  readonly isOpen: boolean
  readonly onClose: () => void
}) => {
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    if (isOpen) dialog.current?.showModal()
    else dialog.current?.close()
  }, [isOpen])
  return (
    <dialog ref={dialog} className="help" aria-labelledby="help-title" onClose={onClose}>
      <header>
        <h2 id="help-title">Keys and words</h2>
        <button type="button" className="icon-button" aria-label="Close help" onClick={onClose}>
          <Icon name="close" />
        </button>
      </header>
      <div className="help-columns">
        <dl className="key-list">
          {keys.map(([name, what]) => (
            <div key={name}>
              <dt>
                {name.split(/ +/).map((key) => (
                  <kbd key={key}>{key}</kbd>
                ))}
              </dt>
              <dd>{what}</dd>
            </div>
          ))}
        </dl>
        <dl className="word-list">
          {words.map(([word, meaning]) => (
            <div key={word}>
              <dt>{word}</dt>
              <dd>{meaning}</dd>
            </div>
          ))}
        </dl>
      </div>
    </dialog>
  )
}
