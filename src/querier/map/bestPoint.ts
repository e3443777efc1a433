// A request may be seen at several points on its way. Questions that count requests take, for each pair of
// services, the rows of one point only: the client process if it was seen there, else the server process,
// else packets.

/** The lower, the better; an SQL expression over `flow_log.l7_flow_log`. */
export const pointRankSql = `transform(observation_point, ['c-p', 's-p', 'c', 's', 'local'], [0, 1, 2, 3, 4], 5)`

/** Rows that hold a request; the others are answers whose request was not seen. */
export const isRequestSql = "type != 1"
/** Rows that hold both halves, whose duration means something. */
export const isAnsweredSql = "type = 2"
