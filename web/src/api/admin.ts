// Calls of administration: reading goes without a token where the server allows it, a change asks for one.

import { ApiFailure, post } from "./client.ts"
import { askForToken, currentToken, forgetToken } from "./token.ts"

const callAdmin = (name: string, payload: unknown, token: string, signal?: AbortSignal): Promise<unknown> =>
  post(`/api/v1/admin/${name}`, payload, {
    headers: token === "" ? {} : { authorization: `Bearer ${token}` },
    ...(signal === undefined ? {} : { signal }),
  })

const isForbidden = (error: unknown): error is ApiFailure =>
  error instanceof ApiFailure && error.status === 403

/** A token that has expired must not keep from reading what anybody may read: it is forgotten then. */
export const readAdmin = async <Answer>(
  name: string,
  payload: unknown,
  signal?: AbortSignal,
): Promise<Answer> => {
  const token = currentToken()
  try {
    return (await callAdmin(name, payload, token, signal)) as Answer
  } catch (error) {
    if (!isForbidden(error) || token === "") throw error
    const answer = (await callAdmin(name, payload, "", signal)) as Answer
    forgetToken()
    return answer
  }
}

const noToken = "no_token"

/** The reader would not give a token: no failure that needs telling. */
export const isCancelled = (error: Error): boolean => error instanceof ApiFailure && error.code === noToken

/** A refused token is forgotten and another asked for, until one is enough or the reader gives up. */
export const changeAdmin = async <Answer>(name: string, payload: unknown): Promise<Answer> => {
  let problem = ""
  let refusal = new ApiFailure(
    noToken,
    "Nothing was changed: no token was given.",
    "Press again to give one.",
    0,
  )
  while (true) {
    const token = currentToken() === "" ? await askForToken(problem) : currentToken()
    if (token === undefined) throw refusal
    try {
      return (await callAdmin(name, payload, token)) as Answer
    } catch (error) {
      if (!isForbidden(error)) throw error
      forgetToken()
      problem = error.message
      refusal = error
    }
  }
}
