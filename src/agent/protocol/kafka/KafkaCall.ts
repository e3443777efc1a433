// What is known of one call between its request and its response.

export interface KafkaCall {
  apiKey: number
  version: number
  topic: string
  /** -1 when the call names none. */
  partition: number
  offset: number
  /** Topic and partition, once they are read. */
  endpoint: string
  group: string
  transactionalId: string
  /** The producer waits for no answer. */
  isOneWay: boolean
  /** Records of the first batch, -1 when not known. */
  records: number
}

export const makeCall = (apiKey: number, version: number): KafkaCall => ({
  apiKey,
  version,
  topic: "",
  partition: -1,
  offset: -1,
  endpoint: "",
  group: "",
  transactionalId: "",
  isOneWay: false,
  records: -1,
})

export const endpointOf = (call: KafkaCall): string =>
  call.topic === "" || call.partition < 0 ? call.topic : `${call.topic}-${call.partition}`

/** The place of a message in the cluster, `topic-partition:offset`, behind `endpoint`; empty when any of it is not known. */
export const placeOf = (call: KafkaCall): string =>
  call.topic === "" || call.partition < 0 || call.offset < 0 ? "" : `${call.endpoint}:${call.offset}`
