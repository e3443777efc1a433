// What a session adds to the meter of its flow.

import { ResponseStatus } from "../../model/L7Session.ts"
import { addDelay, type FlowMeter, Meter } from "./FlowMeter.ts"
import { responseDurationUs, statusOf } from "./L7Rows.ts"
import type { Session } from "./Session.ts"

export const countSession = (meter: FlowMeter, session: Session): void => {
  if (session.request !== null) meter[Meter.request]!++
  if (session.response !== null) meter[Meter.response]!++
  if (session.request !== null && session.response !== null)
    addDelay(meter, Meter.rrt, responseDurationUs(session))
  const status = statusOf(session)
  if (status === ResponseStatus.clientError) meter[Meter.clientError]!++
  else if (status === ResponseStatus.serverError) meter[Meter.serverError]!++
  else if (status === ResponseStatus.timeout) meter[Meter.timeout]!++
}
