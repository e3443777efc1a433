// SPDX-License-Identifier: Apache-2.0
// Runs ClickHouse out of chdb's library as a process of its own: `ch-embedded LIBRARY [arguments of clickhouse-local...]`.
// Owns only process matters; ports, limits and paths are the caller's (src/runtime/clickhouse/EmbeddedClickHouse.ts).
// Standard input is the lifeline: a pipe that nobody writes to. The last query the caller passes reads it to its end, so the
// engine stops in good order as soon as the parent closes it, and also when the parent is killed. PR_SET_PDEATHSIG is not
// used: it would cut that orderly stop short, and it follows the death of the spawning thread instead of the process.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#define EXIT_USAGE 64
#define EXIT_LIBRARY 65
#define EXIT_NOT_STOPPED 66

// Time for the orderly stop once the lifeline is cut. Ending later by force loses nothing that was acknowledged.
#define STOP_SECONDS 10

typedef void *query_cmdline_fn(int argc, char **argv);

static void *guard_lifeline(void *unused)
{
	struct pollfd lifeline = { .fd = STDIN_FILENO, .events = 0 };

	(void)unused;
	while (poll(&lifeline, 1, -1) < 0 || !(lifeline.revents & (POLLHUP | POLLERR | POLLNVAL)))
		;
	sleep(STOP_SECONDS);
	_exit(EXIT_NOT_STOPPED);
}

int main(int argc, char **argv)
{
	const struct rlimit no_core = { 0, 0 };
	pthread_t guard;
	void *library;
	query_cmdline_fn *query_cmdline;

	if (argc < 2) {
		fprintf(stderr, "usage: %s LIBRARY [ARGUMENT...]\n", argv[0]);
		return EXIT_USAGE;
	}

	// A terminal's Ctrl-C and a service manager's SIGTERM go to the whole group: the parent must end first, with its last
	// batches still accepted, so neither reaches the engine.
	setsid();
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	setrlimit(RLIMIT_CORE, &no_core);

	library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
	if (!library) {
		fprintf(stderr, "cannot load %s: %s\n", argv[1], dlerror());
		return EXIT_LIBRARY;
	}
	query_cmdline = (query_cmdline_fn *)dlsym(library, "chdb_query_cmdline");
	if (!query_cmdline) {
		fprintf(stderr, "%s is not a library this launcher knows: %s\n", argv[1], dlerror());
		return EXIT_LIBRARY;
	}
	if (pthread_create(&guard, NULL, guard_lifeline, NULL) != 0) {
		perror("pthread_create");
		return EXIT_LIBRARY;
	}
	argv[1] = "clickhouse-local";
	// Its errors go to standard error; the result says nothing of them.
	query_cmdline(argc - 1, argv + 1);
	return 0;
}
