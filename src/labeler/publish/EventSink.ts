// Where changes of resources go as events. What stores them in `event.event` is given by the wiring.

import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { ClickHouseError } from "../../runtime/clickhouse/ClickHouse.ts"
import type { ResourceEvent } from "../record/resourceEvents.ts"

export class EventSink extends Context.Service<
  EventSink,
  {
    /** `token` is the same when the same events are written again after a failure. */
    readonly write: (
      events: ReadonlyArray<ResourceEvent>,
      token: string,
    ) => Effect.Effect<void, ClickHouseError>
  }
>()("sonde/labeler/EventSink") {
  /** Events are not kept. */
  static readonly none: Layer.Layer<EventSink> = Layer.succeed(EventSink, { write: () => Effect.void })
}
