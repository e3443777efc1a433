// Bodies in Hessian 2, the default of Dubbo 2.

import { type BodyReader, exceptionText, isException, parameterCount } from "./Invocation.ts"
import { Hessian2Reader } from "./Hessian2Reader.ts"

const reader = new Hessian2Reader()

export const hessianBody: BodyReader = {
  readInvocation(bytes, start, end, into) {
    reader.begin(bytes, start, end)
    into.protocolVersion = reader.textValue()
    into.service = reader.textValue()
    into.serviceVersion = reader.textValue()
    into.method = reader.textValue()
    const parameters = parameterCount(reader.textValue())
    for (let i = 0; i < parameters && !reader.isShort; i++) {
      if (i === 0 && into.isGeneric) into.genericMethod = reader.textValue()
      else reader.skipValue()
    }
    if (!reader.isShort) reader.textEntries(into.attachment)
  },

  readException(bytes, start, end) {
    reader.begin(bytes, start, end)
    if (!isException(reader.intValue())) return null
    const thrown = reader.thrown()
    return thrown === null ? "" : exceptionText(thrown.className, thrown.text)
  },

  readText(bytes, start, end) {
    reader.begin(bytes, start, end)
    return reader.textValue()
  },
}
