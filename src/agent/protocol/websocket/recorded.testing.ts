// A recorded WebSocket conversation: client and server of the npm package ws 8.23.0 with permessage-deflate, through a TCP
// relay that notes what it passes on.

type Recording = ReadonlyArray<readonly [sender: "client" | "server", base64: string]>

/** The server greets and echoes; the client sends a text, 70,000 zeros, a ping, and closes with 4001 "bye". */
export const echo: Recording = [
  ["client", "R0VUIC9jaGF0L3Jvb20tNz90b2tlbj1hYmMgSFRUUC8xLjENClNlYy1XZWJTb2NrZXQtVmVyc2lvbjogMTMNClNlYy1XZWJTb2NrZXQtS2V5OiBMVmduMU9SRkhmbi92WkJ6S0ZuLzBBPT0NCkNvbm5lY3Rpb246IFVwZ3JhZGUNClVwZ3JhZGU6IHdlYnNvY2tldA0KU2VjLVdlYlNvY2tldC1FeHRlbnNpb25zOiBwZXJtZXNzYWdlLWRlZmxhdGU7IGNsaWVudF9tYXhfd2luZG93X2JpdHMNCkhvc3Q6IDEyNy4wLjAuMTo1NzQyDQoNCg=="],
  ["server", "SFRUUC8xLjEgMTAxIFN3aXRjaGluZyBQcm90b2NvbHMNClVwZ3JhZGU6IHdlYnNvY2tldA0KQ29ubmVjdGlvbjogVXBncmFkZQ0KU2VjLVdlYlNvY2tldC1BY2NlcHQ6IGdubGsyc3E5elpKZU5aQlBqaXZEZVVsNGxSRT0NClNlYy1XZWJTb2NrZXQtRXh0ZW5zaW9uczogcGVybWVzc2FnZS1kZWZsYXRlDQoNCg=="],
  ["server", "wQ8qT81Jzs9NVagYBUQDAAA="],
  ["client", "wYdXUe7enRkjF55W7g=="],
  ["client", "wtUNYRIU4aAjFQ1hEtYtmrVKBC5yFA1hEhQNYRIUDWESFA1hEhQNYRIUDWESFA1hEhQNYRIUDWESFA1hEhQNYRIUDWESFA1hEhQNYRIUDWESFA1hEhQNYdJJDQ=="],
  ["server", "wQfKSM3JyQcA"],
  ["server", "wlXswTEBAAAAwiD7p14JT2AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAwF0A"],
  ["client", "iYC70OvO"],
  ["client", "iIX72Md59HmlAJ4="],
  ["server", "igA="],
  ["server", "iAUPoWJ5ZQ=="],
] // prettier-ignore
