// Every key that configures Sonde, once: validation, defaults, JSON Schema and docs/configuration.md come from this value.
// What reads files, environment and flags stands in Config.ts.

import * as Schema from "effect/Schema"
import { agentConfigFields } from "./agentConfig.ts"
import { choice, flag, integer, section, text, texts } from "./configFields.ts"

const port = (value: number, description: string) => integer(value, 0, 65_535, description)

export const ConfigSchema = Schema.Struct({
  data: text(".sonde", "Directory of everything Sonde keeps: database, spool, agent identity."),
  log: section("Logging to standard error.", {
    level: choice(["debug", "info", "warn", "error"], "info", "Least severe level that is written."),
    format: choice(
      ["auto", "json", "pretty"],
      "auto",
      "`auto`: pretty on a terminal, one JSON object a line elsewhere.",
    ),
  }),
  http: section("Query API and console.", {
    host: text("127.0.0.1", "Address to listen on."),
    port: port(20416, "Port to listen on; 0 takes a free one."),
    allowedHosts: texts(
      [],
      "Host names besides loopback that requests may be addressed to (guards against DNS rebinding).",
    ),
    tls: choice(
      ["auto", "always"],
      "auto",
      "`auto`: TLS as soon as the port can be reached by others; `always`: also on loopback.",
    ),
    certificate: text(
      "",
      "File with the certificate of the port and its chain (PEM); read again when it changes. Empty: one of the region's own authority.",
    ),
    key: text("", "File with the key of `http.certificate` (PEM)."),
  }),
  ingest: section("Where agents deliver their batches.", {
    host: text("127.0.0.1", "Address to listen on."),
    port: port(20033, "Port to listen on; 0 takes a free one."),
    token: text("", "Shared secret agents must present; empty: none asked (loopback only)."),
    maxAgents: integer(1_000, 1, 100_000, "Connections accepted at the same time."),
    sampleAboveRowsPerSecond: integer(
      0,
      0,
      100_000_000,
      "Requests stored in a second; when more come, some are left out by chance, and counted. Metrics stay whole. 0: all are stored.",
    ),
  }),
  cluster: section("This server among the servers of its region.", {
    region: text("default", "Region of this server; servers of one region share one store."),
    regions: texts(
      [],
      "Other regions, each as NAME=URL of a server's query API: questions with `?regions=all` are asked there as well.",
    ),
    regionsCa: text(
      "",
      "File with the authorities by which servers of other regions are known (`tls/authority.pem` of each, one after the other); empty: those of the system.",
    ),
    zone: text("", "Availability zone of this server; agents of the zone prefer it. Empty: any."),
    id: text(
      "",
      "Name of this server; empty: one is made at the first start and kept in the data directory.",
    ),
    etcd: texts(
      [],
      "Endpoints of etcd (http://HOST:2379); empty: this server is alone and keeps what servers agree on in its data directory.",
    ),
    etcdUser: text("", "User of etcd; empty: none."),
    etcdPassword: text("", "Password of etcd's user."),
    etcdCa: text("", "File with the certificate authority of etcd's TLS; empty: that of the system."),
    global: texts(
      [],
      "Endpoints of the etcd that all regions share (docs/cluster.md, Several regions); empty: this region shares nothing.",
    ),
    globalUser: text("", "User of the global etcd; empty: none."),
    globalPassword: text("", "Password of that user."),
    globalCa: text(
      "",
      "File with the certificate authority of the global etcd's TLS; empty: that of the system.",
    ),
    secret: text(
      "",
      "Shared by the servers of a region: what they keep encrypted (the key of their authority) is under it. Empty: one is made in the data directory, for a server that is alone.",
    ),
    host: text(
      "",
      "Host name or address under which agents and servers reach this one; empty: where it listens.",
    ),
    tls: choice(
      ["auto", "always"],
      "auto",
      "`auto`: agents, servers and administration speak TLS as soon as one of their ports can be reached by others; `always`: also on loopback.",
    ),
    capacity: integer(100, 1, 10_000, "How much this server can take, relative to the others."),
    servesZones: texts([], "Zones whose agents this server takes; empty: all."),
    leaseSeconds: integer(2, 2, 60, "A server that is silent for longer is taken for dead."),
    agentHours: integer(24, 1, 87_600, "How long an agent that no server has stays known."),
    approval: flag(false, "New agents wait until somebody approves them."),
    spillRegions: texts(
      [],
      "Regions where agents of this one may be guests, and whose agents may be here; empty: all.",
    ),
    spillSeconds: integer(
      30,
      5,
      86_400,
      "So long an agent of this region looks for a server here before it is a guest elsewhere.",
    ),
    spill: flag(
      false,
      "Agents of this region may be guests of other regions when no server here takes them, and those of other regions here; each side must allow it. Needs `cluster.global`.",
    ),
  }),
  control: section("Where agents ask what to do.", {
    host: text("127.0.0.1", "Address to listen on."),
    port: port(20035, "Port to listen on; 0 takes a free one."),
    maxAgents: integer(10_000, 1, 100_000, "Connections accepted at the same time."),
  }),
  admin: section("Administration (`sonde admin`, the console's pages).", {
    host: text("127.0.0.1", "Address to listen on."),
    port: port(20417, "Port to listen on; 0 takes a free one."),
    token: text("", "Token that `sonde admin` presents; empty: that of a server in the same data directory."),
  }),
  storage: section("ClickHouse.", {
    mode: choice(
      ["embedded", "remote"],
      "embedded",
      "`embedded`: a supervised child process; `remote`: the server at `storage.url`.",
    ),
    url: text("http://127.0.0.1:8123", "Remote ClickHouse over HTTP."),
    user: text("default", "Remote user."),
    password: text("", "Remote password."),
    memoryMiB: integer(1_024, 256, 1_048_576, "Most memory the embedded engine may use."),
    logHours: integer(72, 1, 87_600, "How long single requests, connections and packets are kept."),
    secondsHours: integer(24, 1, 87_600, "How long 1 s metrics are kept."),
    minutesHours: integer(168, 1, 87_600, "How long 1 m metrics are kept."),
    hoursHours: integer(720, 1, 87_600, "How long 1 h metrics are kept."),
    daysHours: integer(720, 1, 87_600, "How long 1 d metrics are kept."),
    eventHours: integer(720, 1, 87_600, "How long events and alerts are kept."),
    fileEventHours: integer(168, 1, 87_600, "How long events of files are kept."),
    profileHours: integer(72, 1, 87_600, "How long profiles are kept."),
    prometheusHours: integer(168, 1, 87_600, "How long Prometheus samples are kept."),
    metricHours: integer(168, 1, 87_600, "How long metrics of other programs and of Sonde itself are kept."),
    applicationLogHours: integer(720, 1, 87_600, "How long log lines of programs are kept."),
  }),
  labeler: section("What names and tags come from.", {
    files: texts([], "Files of resources (CMDB), YAML or CSV; see docs/labeler.md."),
    kubernetes: texts(
      [],
      "JSON files of `kubectl get -o json`, or directories of them, one a cluster; `NAME=PATH` names the cluster.",
    ),
    region: text("", "Region of the machines agents run on, unless another source tells; empty: none."),
    az: text("", "Availability zone of these machines; empty: none."),
    machineSeconds: integer(1, 1, 3_600, "How often it is looked what agents report of their machines."),
    machineHours: integer(24, 1, 87_600, "How long a machine whose agents are away stays known."),
    hetzner: section("A project in the Hetzner Cloud.", {
      name: text("default", "Name of the project in the domain of its resources."),
      token: text("", "API token that may read; empty: the project is not asked."),
      url: text("", "URL of the API; empty: https://api.hetzner.cloud/v1."),
      pollSeconds: integer(60, 5, 86_400, "How often the project is asked."),
    }),
  }),
  agent: section("The agent on this host.", {
    controllers: texts(
      ["127.0.0.1:20035"],
      "Servers to ask what to do and where to deliver, host:port, tried in turn; empty: none, `agent.server` is enough.",
    ),
    server: text(
      "127.0.0.1:20033",
      "Ingester to deliver to until a controller names another, host:port; empty: wait for the controller.",
    ),
    token: text("", "Token to enrol with, or the shared secret the ingester asks for."),
    zone: text("", "Availability zone of this host; empty: not known."),
    packageKeys: texts(
      [],
      "Public keys of whoever may sign packages for this agent (`sonde admin packages key` prints them); empty: no package is taken.",
    ),
    proveSeconds: integer(
      30,
      1,
      3_600,
      "How long a new version of the agent (from a package) must work without a break before it is kept; it has a minute more to begin.",
    ),
    kernelTypes: text(
      "",
      "File with the types (BTF) of this machine's kernel, for one that does not tell them itself; empty: RELEASE.btf among those that come with Sonde, or in /var/lib/sonde/btf (docs/kernels.md).",
    ),
    relay: section("Where programs send spans that they tell of themselves (docs/relay.md).", {
      enabled: flag(true, "Take them: OTLP over HTTP and gRPC, SkyWalking's segments, all on one port."),
      host: text("127.0.0.1", "Address to listen on; beyond loopback set a token, too."),
      port: integer(38_086, 1, 65_535, "Port to listen on."),
      token: text(
        "",
        "What senders must present (Authorization: Bearer TOKEN; SkyWalking: authentication); empty: nothing.",
      ),
      bodyMiB: integer(8, 1, 64, "Largest request, before and after it is decompressed."),
    }),
    ...agentConfigFields,
  }),
}).annotate({ title: "Sonde configuration", description: "Keys of sonde.yaml; every key is optional." })

export type SondeConfig = typeof ConfigSchema.Type
