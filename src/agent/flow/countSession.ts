// What a session adds to the meter of its flow.

import { ResponseStatus } from "../../model/L7Session.ts"
import type { FlowAccount } from "./FlowAccount.ts"
import { addDelay, Meter } from "./FlowMeter.ts"
import { responseDurationUs, statusOf } from "./L7Rows.ts"
import type { Session } from "./Session.ts"

export const countSession = ({ secondAt, values }: FlowAccount, session: Session): void => {
  if (session.request !== null) values[secondAt + Meter.request]!++
  if (session.response !== null) values[secondAt + Meter.response]!++
  if (session.request !== null && session.response !== null)
    addDelay(values, secondAt, Meter.rrt, responseDurationUs(session))
  const status = statusOf(session)
  if (status === ResponseStatus.clientError) values[secondAt + Meter.clientError]!++
  else if (status === ResponseStatus.serverError) values[secondAt + Meter.serverError]!++
  else if (status === ResponseStatus.timeout) values[secondAt + Meter.timeout]!++
}
