// `sonde trace ID`: one request and all that it set going, as a tree. Without an ID: which traces there are.

import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { styleText } from "node:util"
import type { Trace, TraceList } from "../../querier/trace/Trace.ts"
import { getJson } from "../client.ts"
import { configFlags, configOf, fail, json } from "../options.ts"
import { duration, print, printJson, table } from "../output.ts"
import { drawTrace } from "../trace/drawTrace.ts"

const listed = ({ traces }: TraceList): string =>
  traces.length === 0
    ? "No such traces. `sonde demo` makes some."
    : table(
        ["ID", "TIME", "CLIENT", "SERVICE", "REQUEST", "DURATION", "STATUS"],
        traces.map(({ client, code, durationUs, id, name, service, startUs, status }) => [
          id,
          new Date(startUs / 1_000).toISOString().slice(11, 23),
          client,
          service,
          name,
          duration(durationUs),
          status === "ok" || status === "unknown"
            ? String(code ?? status)
            : styleText("red", String(code ?? status)),
        ]),
      )

export const trace = Command.make(
  "trace",
  {
    id: Argument.String("id").pipe(
      Argument.withDescription("A trace id, or the id of any request in it; none: list traces"),
      Argument.optional,
    ),
    why: Flag.Boolean("why").pipe(
      Flag.withDescription("Say of every span why it hangs where it hangs"),
      Flag.withDefault(false),
    ),
    otlp: Flag.Boolean("otlp").pipe(
      Flag.withDescription("Print it as an OTLP request in JSON, as an OpenTelemetry collector takes it"),
      Flag.withDefault(false),
    ),
    service: Flag.String("service").pipe(
      Flag.withDescription("List: requests of this service"),
      Flag.optional,
    ),
    slowest: Flag.Boolean("slowest").pipe(
      Flag.withDescription("List: the slowest first, else the newest"),
      Flag.withDefault(false),
    ),
    last: Flag.Int("last").pipe(Flag.withDescription("List: of so many seconds"), Flag.withDefault(300)),
    limit: Flag.Int("limit").pipe(Flag.withDescription("List: at most so many"), Flag.withDefault(20)),
    ...configFlags,
    json,
  },
  Effect.fnUntraced(function* ({ id, json, last, limit, otlp, service, slowest, why, ...flags }) {
    const config = yield* configOf(flags)
    if (Option.isNone(id)) {
      if (why || otlp) return yield* fail("name the trace: sonde trace ID")
      const query = new URLSearchParams({ last: String(last), limit: String(limit) })
      if (slowest) query.set("order", "slowest")
      if (Option.isSome(service)) query.set("service", service.value)
      const list = (yield* getJson(config, `/api/v1/traces?${query}`)) as TraceList
      if (json) for (const one of list.traces) printJson(one)
      else print(listed(list))
      return
    }
    const path = `/api/v1/traces/${encodeURIComponent(id.value)}`
    if (otlp) return printJson(yield* getJson(config, `${path}?format=otlp`))
    const found = (yield* getJson(config, path)) as Trace
    if (json) printJson(found)
    else print(drawTrace(found, { columns: process.stdout.columns ?? 120, why }))
  }),
).pipe(
  Command.withDescription("Show one request and all that it set going, as a tree; or list traces"),
  Command.withExamples([
    { command: "sonde trace --slowest", description: "The slowest of the last five minutes" },
    {
      command: "sonde trace 4bf92f3577b34da6a3ce929d0e0e4736 --why",
      description: "One of them, and why each span belongs to it",
    },
  ]),
)
