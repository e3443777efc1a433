// RocketMQ's remoting codes: names of requests, what response codes mean, and versions (org.apache.rocketmq.remoting.protocol).

import { ResponseStatus } from "../../../model/L7Session.ts"

const requestNames: Record<number, string> = {
  10: "SEND_MESSAGE",
  11: "PULL_MESSAGE",
  12: "QUERY_MESSAGE",
  13: "QUERY_BROKER_OFFSET",
  14: "QUERY_CONSUMER_OFFSET",
  15: "UPDATE_CONSUMER_OFFSET",
  17: "UPDATE_AND_CREATE_TOPIC",
  21: "GET_ALL_TOPIC_CONFIG",
  22: "GET_TOPIC_CONFIG_LIST",
  23: "GET_TOPIC_NAME_LIST",
  25: "UPDATE_BROKER_CONFIG",
  26: "GET_BROKER_CONFIG",
  27: "TRIGGER_DELETE_FILES",
  28: "GET_BROKER_RUNTIME_INFO",
  29: "SEARCH_OFFSET_BY_TIMESTAMP",
  30: "GET_MAX_OFFSET",
  31: "GET_MIN_OFFSET",
  32: "GET_EARLIEST_MSG_STORETIME",
  33: "VIEW_MESSAGE_BY_ID",
  34: "HEART_BEAT",
  35: "UNREGISTER_CLIENT",
  36: "CONSUMER_SEND_MSG_BACK",
  37: "END_TRANSACTION",
  38: "GET_CONSUMER_LIST_BY_GROUP",
  39: "CHECK_TRANSACTION_STATE",
  40: "NOTIFY_CONSUMER_IDS_CHANGED",
  41: "LOCK_BATCH_MQ",
  42: "UNLOCK_BATCH_MQ",
  43: "GET_ALL_CONSUMER_OFFSET",
  45: "GET_ALL_DELAY_OFFSET",
  46: "CHECK_CLIENT_CONFIG",
  100: "PUT_KV_CONFIG",
  101: "GET_KV_CONFIG",
  102: "DELETE_KV_CONFIG",
  103: "REGISTER_BROKER",
  104: "UNREGISTER_BROKER",
  105: "GET_ROUTEINFO_BY_TOPIC",
  106: "GET_BROKER_CLUSTER_INFO",
  200: "UPDATE_AND_CREATE_SUBSCRIPTIONGROUP",
  201: "GET_ALL_SUBSCRIPTIONGROUP_CONFIG",
  202: "GET_TOPIC_STATS_INFO",
  203: "GET_CONSUMER_CONNECTION_LIST",
  204: "GET_PRODUCER_CONNECTION_LIST",
  205: "WIPE_WRITE_PERM_OF_BROKER",
  206: "GET_ALL_TOPIC_LIST_FROM_NAMESERVER",
  207: "DELETE_SUBSCRIPTIONGROUP",
  208: "GET_CONSUME_STATS",
  215: "DELETE_TOPIC_IN_BROKER",
  216: "DELETE_TOPIC_IN_NAMESRV",
  217: "REGISTER_TOPIC_IN_NAMESRV",
  219: "GET_KVLIST_BY_NAMESPACE",
  220: "RESET_CONSUMER_CLIENT_OFFSET",
  221: "GET_CONSUMER_STATUS_FROM_CLIENT",
  222: "INVOKE_BROKER_TO_RESET_OFFSET",
  223: "INVOKE_BROKER_TO_GET_CONSUMER_STATUS",
  224: "GET_TOPICS_BY_CLUSTER",
  300: "QUERY_TOPIC_CONSUME_BY_WHO",
  301: "REGISTER_FILTER_SERVER",
  303: "QUERY_CONSUME_TIME_SPAN",
  304: "GET_SYSTEM_TOPIC_LIST_FROM_NS",
  305: "GET_SYSTEM_TOPIC_LIST_FROM_BROKER",
  306: "CLEAN_EXPIRED_CONSUMEQUEUE",
  307: "GET_CONSUMER_RUNNING_INFO",
  308: "QUERY_CORRECTION_OFFSET",
  309: "CONSUME_MESSAGE_DIRECTLY",
  310: "SEND_MESSAGE_V2",
  311: "GET_UNIT_TOPIC_LIST",
  315: "VIEW_BROKER_STATS_DATA",
  316: "CLEAN_UNUSED_TOPIC",
  317: "GET_BROKER_CONSUME_STATS",
  318: "UPDATE_NAMESRV_CONFIG",
  319: "GET_NAMESRV_CONFIG",
  320: "SEND_BATCH_MESSAGE",
  321: "QUERY_CONSUME_QUEUE",
  322: "QUERY_DATA_VERSION",
  323: "RESUME_CHECK_HALF_MESSAGE",
  324: "SEND_REPLY_MESSAGE",
  325: "SEND_REPLY_MESSAGE_V2",
  326: "PUSH_REPLY_MESSAGE_TO_CLIENT",
  328: "ADD_WRITE_PERM_OF_BROKER",
  351: "GET_TOPIC_CONFIG",
  353: "GET_SUBSCRIPTIONGROUP_CONFIG",
  361: "LITE_PULL_MESSAGE",
  400: "QUERY_ASSIGNMENT",
  401: "SET_MESSAGE_REQUEST_MODE",
  200050: "POP_MESSAGE",
  200051: "ACK_MESSAGE",
  200052: "PEEK_MESSAGE",
  200053: "CHANGE_MESSAGE_INVISIBLETIME",
  200054: "NOTIFICATION",
  200055: "POLLING_INFO",
  200151: "BATCH_ACK_MESSAGE",
}

export const requestName = (code: number): string => requestNames[code] ?? `code ${code}`

/** Requests whose fields have names of one letter (SendMessageRequestHeaderV2). */
export const hasShortNames = (code: number): boolean => code === 310 || code === 320 || code === 325

/** Requests that are answered with messages. */
export const answersMessages = (code: number): boolean =>
  code === 11 || code === 361 || code === 33 || code === 12 || code === 200050 || code === 200052

/** Success, and pulls, polls or pops that found nothing, or not there. */
const successes = new Set([0, 19, 20, 21, 208, 209, 210])
/**
 * System error or busy, transaction failed, flush or slave timeouts, no service, wrong unit, consumer timeout, broker gone or
 * behind, flow control.
 */
const serverErrors = new Set([1, 2, 4, 10, 11, 12, 14, 204, 205, 207, 211, 212, 215])

export const statusOf = (code: number): ResponseStatus => {
  if (successes.has(code)) return ResponseStatus.ok
  return serverErrors.has(code) ? ResponseStatus.serverError : ResponseStatus.clientError
}

/** The number of V4_0_0_SNAPSHOT; each version has two, a snapshot and a release. */
const firstOf4 = 212
/** The number from which on the counting is regular (V3_1_0_SNAPSHOT). */
const firstRegular = 32
const patches = 400

export const versionName = (version: number): string => {
  if (version < firstRegular || version > firstOf4 + patches) return `${version}`
  const number = patches + Math.floor((version - firstOf4) / 2)
  const [major, minor, patch] = `${number}`
  return `V${major}_${minor}_${patch}${version % 2 === 0 ? "_SNAPSHOT" : ""}`
}
