// A session as a flat JSON object, for `sonde replay FILE`: request and response merged, in the words of the neutral form.

import { RecordType } from "../../model/L7Session.ts"
import { neutralMessage } from "../protocol/neutral.ts"
import type { Connection } from "./Connection.ts"
import { addressText } from "./Endpoint.ts"
import { responseDurationUs } from "./L7Rows.ts"
import type { Session } from "./Session.ts"

export const sessionRecord = (
  session: Session,
  connection: Connection,
): Readonly<Record<string, unknown>> => {
  const { request, response } = session
  const first = request ?? response
  return {
    start_us: first?.startUs ?? 0,
    client: addressText(connection.clientEnd),
    server: addressText(connection.serverEnd),
    ...(response === null ? {} : neutralMessage(response)),
    ...(request === null ? {} : neutralMessage(request)),
    msg:
      request !== null && response !== null
        ? "session"
        : first?.type === RecordType.request
          ? "request"
          : "response",
    ...(response === null ? {} : { response_status: neutralMessage(response).response_status }),
    ...(request !== null && response !== null ? { rrt_us: responseDurationUs(session) } : {}),
  }
}
