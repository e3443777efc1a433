// The endpoint of a remote call: `service/method`, or what is known of it.

export const callEndpoint = (service: string, method: string): string => {
  if (service === "") return method
  return method === "" ? service : `${service}/${method}`
}
