// Which body reader knows which serialization. Of others only the header is read.

import { fastJson2Body } from "./fastJson2Body.ts"
import { Serialization } from "./header.ts"
import { hessianBody } from "./hessianBody.ts"
import type { BodyReader } from "./Invocation.ts"
import { jsonBody } from "./jsonBody.ts"
import { kryoBody } from "./kryoBody.ts"

const bodies: Record<number, BodyReader> = {
  [Serialization.hessian2]: hessianBody,
  [Serialization.fastJson]: jsonBody,
  [Serialization.kryo]: kryoBody,
  [Serialization.gson]: jsonBody,
  [Serialization.fastJson2]: fastJson2Body,
  [Serialization.kryo2]: kryoBody,
}

export const bodyOf = (serialization: number): BodyReader | undefined => bodies[serialization]
