// The methods of AMQP 0-9-1 with RabbitMQ's extensions: names, who sends them, and whether they ask, answer or neither.

export const Role = { request: 0, response: 1, oneWay: 2 } as const
export type Role = (typeof Role)[keyof typeof Role]

export const Sender = { client: 1, server: 2, both: 3 } as const

export interface Method {
  readonly name: string
  readonly role: Role
  readonly sender: number
  /** A content header and body follow. */
  readonly hasContent: boolean
}

/** Class and method id in one number. */
export const methodKey = (classId: number, methodId: number): number => classId * 256 + methodId

export const MethodKey = {
  start: methodKey(10, 10),
  open: methodKey(10, 40),
  connectionClose: methodKey(10, 50),
  connectionCloseOk: methodKey(10, 51),
  blocked: methodKey(10, 60),
  channelClose: methodKey(20, 40),
  channelCloseOk: methodKey(20, 41),
  exchangeDeclare: methodKey(40, 10),
  exchangeDelete: methodKey(40, 20),
  exchangeBind: methodKey(40, 30),
  exchangeUnbind: methodKey(40, 40),
  queueDeclare: methodKey(50, 10),
  queueDeclareOk: methodKey(50, 11),
  queueBind: methodKey(50, 20),
  queuePurge: methodKey(50, 30),
  queueDelete: methodKey(50, 40),
  queueUnbind: methodKey(50, 50),
  consume: methodKey(60, 20),
  cancel: methodKey(60, 30),
  publish: methodKey(60, 40),
  return: methodKey(60, 50),
  deliver: methodKey(60, 60),
  get: methodKey(60, 70),
  getOk: methodKey(60, 71),
  getEmpty: methodKey(60, 72),
  confirmSelect: methodKey(85, 10),
} as const

const methods = new Map<number, Method>()

const add = (
  classId: number,
  methodId: number,
  name: string,
  role: Role,
  sender: number,
  hasContent = false,
): void => {
  methods.set(methodKey(classId, methodId), { name, role, sender, hasContent })
}

/** A request and the answer that follows it. */
const pair = (
  classId: number,
  methodId: number,
  name: string,
  sender: number = Sender.client,
  okId = methodId + 1,
): void => {
  const answers =
    sender === Sender.both ? Sender.both : sender === Sender.client ? Sender.server : Sender.client
  add(classId, methodId, name, Role.request, sender)
  add(classId, okId, `${name}Ok`, Role.response, answers)
}

pair(10, 10, "Connection.Start", Sender.server)
pair(10, 20, "Connection.Secure", Sender.server)
pair(10, 30, "Connection.Tune", Sender.server)
pair(10, 40, "Connection.Open")
pair(10, 50, "Connection.Close", Sender.both)
add(10, 60, "Connection.Blocked", Role.oneWay, Sender.server)
add(10, 61, "Connection.Unblocked", Role.oneWay, Sender.server)
pair(10, 70, "Connection.UpdateSecret")
pair(20, 10, "Channel.Open")
pair(20, 20, "Channel.Flow", Sender.both)
pair(20, 40, "Channel.Close", Sender.both)
pair(40, 10, "Exchange.Declare")
pair(40, 20, "Exchange.Delete")
pair(40, 30, "Exchange.Bind")
pair(40, 40, "Exchange.Unbind", Sender.client, 51)
pair(50, 10, "Queue.Declare")
pair(50, 20, "Queue.Bind")
pair(50, 30, "Queue.Purge")
pair(50, 40, "Queue.Delete")
pair(50, 50, "Queue.Unbind")
pair(60, 10, "Basic.Qos")
pair(60, 20, "Basic.Consume")
pair(60, 30, "Basic.Cancel", Sender.both)
add(60, 40, "Basic.Publish", Role.oneWay, Sender.client, true)
add(60, 50, "Basic.Return", Role.oneWay, Sender.server, true)
add(60, 60, "Basic.Deliver", Role.oneWay, Sender.server, true)
add(60, 70, "Basic.Get", Role.request, Sender.client)
add(60, 71, "Basic.GetOk", Role.response, Sender.server, true)
add(60, 72, "Basic.GetEmpty", Role.response, Sender.server)
add(60, 80, "Basic.Ack", Role.oneWay, Sender.both)
add(60, 90, "Basic.Reject", Role.oneWay, Sender.client)
add(60, 100, "Basic.RecoverAsync", Role.oneWay, Sender.client)
pair(60, 110, "Basic.Recover")
add(60, 120, "Basic.Nack", Role.oneWay, Sender.both)
pair(85, 10, "Confirm.Select")
pair(90, 10, "Tx.Select")
pair(90, 20, "Tx.Commit")
pair(90, 30, "Tx.Rollback")

export const methodOf = (key: number): Method | undefined => methods.get(key)
