// What a line about a request says.

/** "GET /orders"; a type that the endpoint begins with is not said twice. */
export const spanName = (type: string, endpoint: string, resource: string, protocol: string): string => {
  const what = endpoint === "" ? resource : endpoint
  if (what === "") return type === "" ? protocol || "span" : type
  return type === "" || what.toUpperCase().startsWith(type.toUpperCase()) ? what : `${type} ${what}`
}
