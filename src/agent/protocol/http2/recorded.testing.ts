// A recorded upgrade from HTTP/1.1: `curl --http2 URL/api/v1/orders/7 URL/nothing URL/events` (curl 7.88.1) through a TCP relay
// to nghttpx 1.52.0 without TLS, before a server of Node.js.

type Recording = ReadonlyArray<readonly [sender: "client" | "server", base64: string]>

/** /events is an event stream of three events and a comment. */
export const h2cUpgrade: Recording = [
  ["client", "R0VUIC9hcGkvdjEvb3JkZXJzLzcgSFRUUC8xLjENCkhvc3Q6IDEyNy4wLjAuMTo1NzMyDQpVc2VyLUFnZW50OiBjdXJsLzcuODguMQ0KQWNjZXB0OiAqLyoNCkNvbm5lY3Rpb246IFVwZ3JhZGUsIEhUVFAyLVNldHRpbmdzDQpVcGdyYWRlOiBoMmMNCkhUVFAyLVNldHRpbmdzOiBBQU1BQUFCa0FBUUNBQUFBQUFJQUFBQUENCg0K"],
  ["server", "SFRUUC8xLjEgMTAxIFN3aXRjaGluZyBQcm90b2NvbHMNCkNvbm5lY3Rpb246IFVwZ3JhZGUNClVwZ3JhZGU6IGgyYw0KDQoAABgEAAAAAAAAAwAAAGQABAAA//8ACQAAAAEACAAAAAE="],
  ["client", "UFJJICogSFRUUC8yLjANCg0KU00NCg0KAAASBAAAAAAAAAMAAABkAAQCAAAAAAIAAAAAAAAABAEAAAAAAAAECAAAAAAAAf8AAQ=="],
  ["server", "AAAABAEAAAAA"],
  ["server", "AAAwAQQAAAABiGGW3z2/SgnFNJ+6ggCcUCG4EVwDqmLRvw8NAjE5doaqadKa/P98iArhUqmnSmvzAAATAAEAAAABaGkgL2FwaS92MS9vcmRlcnMvNw=="],
  ["client", "AAAlAQUAAAADggSGYqOmc1U3hkGKCJ1cC4Fw3G3WRXqIJbZQw6u88uFTAyovKg=="],
  ["server", "AAAJAQQAAAADiMAPDQIxMb++AAALAAEAAAADaGkgL25vdGhpbmc="],
  ["client", "AAAMAQUAAAAFggSFYL3LUlGGwL++"],
  ["server", "AAASAQQAAAAFiF+MSXylgvctSVkJsKOnwcC/AAAYAAAAAAAFOiBoaQoKZGF0YTogMQoKZGF0YTogMgoK"],
  ["server", "AAAJAAEAAAAFZGF0YTogMwoK"],
] // prettier-ignore
