// The configuration file of the embedded ClickHouse: loopback only, two HTTP paths, small caches and pools for a box that has
// other work to do. Only who knows the secret of this start gets past `/ping`.

export interface EngineSettings {
  readonly port: number
  /** Value that every request must carry in the header `secretHeader`. */
  readonly secret: string
  /** Most memory the engine takes before it refuses queries, bytes. */
  readonly memoryBytes: number
  /** Where BACKUP may write. */
  readonly backupDirectory: string
  readonly cluster?: EngineCluster
}

/**
 * Engines on this host that share the work. They reach each other by a port without a password, which is then open to everybody on
 * this host: for tests.
 */
export interface EngineCluster {
  readonly name: string
  /** This engine's port of ClickHouse's own protocol. */
  readonly tcpPort: number
  /** The same of all engines, this one among them, in the order of shards. */
  readonly shards: ReadonlyArray<number>
}

const clusterConfig = ({ name, shards, tcpPort }: EngineCluster): string => `
  <tcp_port>${tcpPort}</tcp_port>
  <remote_servers>
    <${name}>${shards.map((port) => `<shard><replica><host>127.0.0.1</host><port>${port}</port></replica></shard>`).join("")}</${name}>
  </remote_servers>`

export const secretHeader = "X-Sonde-Key"

const mebibyte = 1024 * 1024

const escapeXml = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")

/**
 * The built-in `/play` and `/dashboard` pages are left out: clients that leave while one is sent were seen to abort the
 * engine. A query goes on for nobody when its client leaves unless `cancel_http_readonly_queries_on_client_close` is set,
 * which the client does.
 */
export const engineConfig = (settings: EngineSettings): string => `<clickhouse>
  <logger><size>4M</size><count>2</count></logger>
  <listen_host>127.0.0.1</listen_host>
  <http_port>${settings.port}</http_port>${settings.cluster === undefined ? "" : clusterConfig(settings.cluster)}
  <timezone>UTC</timezone>
  <http_handlers>
    <rule>
      <url>/ping</url>
      <methods>GET</methods>
      <handler><type>ping</type></handler>
    </rule>
    <rule>
      <url>/</url>
      <headers><${secretHeader}>${escapeXml(settings.secret)}</${secretHeader}></headers>
      <handler><type>dynamic_query_handler</type><query_param_name>query</query_param_name></handler>
    </rule>
  </http_handlers>
  <keep_alive_timeout>30</keep_alive_timeout>
  <shutdown_wait_unfinished>3</shutdown_wait_unfinished>
  <max_connections>256</max_connections>
  <max_concurrent_queries>100</max_concurrent_queries>
  <max_server_memory_usage>${settings.memoryBytes}</max_server_memory_usage>
  <mark_cache_size>${32 * mebibyte}</mark_cache_size>
  <index_mark_cache_size>${16 * mebibyte}</index_mark_cache_size>
  <primary_index_cache_size>${32 * mebibyte}</primary_index_cache_size>
  <compiled_expression_cache_size>${16 * mebibyte}</compiled_expression_cache_size>
  <background_pool_size>2</background_pool_size>
  <background_schedule_pool_size>4</background_schedule_pool_size>
  <max_thread_pool_size>400</max_thread_pool_size>
  <max_thread_pool_free_size>8</max_thread_pool_free_size>
  <max_io_thread_pool_size>16</max_io_thread_pool_size>
  <max_io_thread_pool_free_size>0</max_io_thread_pool_free_size>
  <backups><allowed_path>${escapeXml(settings.backupDirectory)}</allowed_path></backups>
</clickhouse>
`
