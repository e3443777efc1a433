// Runs ClickHouse's local server out of chdb's library: `ch-embedded LIBRARY [arguments of clickhouse-local...]`.
// Owns only process matters: its own session, no core dump, and an end when the parent ends. Which tables, ports and limits
// there are is the caller's (src/runtime/clickhouse/EmbeddedClickHouse.ts).

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	void *lib = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
	if (!lib) { fprintf(stderr, "%s\n", dlerror()); return 3; }
	struct r *(*run)(int, char **) = (struct r *(*)(int, char **))dlsym(lib, "chdb_query_cmdline");
	if (!run) return 4;
	setsid();
	argv[1] = "clickhouse-local";
	run(argc - 1, argv + 1);
	return 0;
}
