// SPDX-License-Identifier: Apache-2.0
// Runs ClickHouse out of chdb's library as a process of its own, working in DIRECTORY:
// `ch-embedded LIBRARY DIRECTORY [arguments of clickhouse-local...]`.
// Owns only process matters; ports, limits and queries are the caller's (src/runtime/clickhouse/EmbeddedClickHouse.ts).
// Standard input is the lifeline: a pipe that nobody writes to. The last query the caller passes reads it to its end, so the
// engine stops in good order as soon as the parent closes it, and also when the parent is killed. PR_SET_PDEATHSIG is not
// used: it would cut that orderly stop short, and it follows the death of the spawning thread instead of the process.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EXIT_USAGE 64
#define EXIT_LIBRARY 65
#define EXIT_NOT_STOPPED 66

// Time for the orderly stop once the lifeline is cut. Ending later by force loses nothing that was acknowledged.
#define STOP_SECONDS 10

typedef void *query_cmdline_fn(int argc, char **argv);

// What the engine reads outside its directory: clock zones, the machine's size, its own threads' statistics.
static const char *const readable[] = {
	"/usr/share/zoneinfo", "/sys/fs/cgroup", "/sys/devices/system/cpu", "/proc/self",
	"/proc/meminfo", "/proc/cpuinfo", "/proc/stat", "/dev/null", "/dev/urandom",
};

#define READ_ACCESS (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
// All rights of the second version of Landlock, the first in which files may move between directories (Linux 5.19).
#define ALL_ACCESS ((LANDLOCK_ACCESS_FS_REFER << 1) - 1)
#define FILE_ACCESS (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE)

static int allow(int ruleset, const char *path, __u64 access)
{
	struct landlock_path_beneath_attr rule = { .allowed_access = access };
	struct stat status;
	int failed;

	rule.parent_fd = open(path, O_PATH | O_CLOEXEC);
	if (rule.parent_fd < 0 || fstat(rule.parent_fd, &status) != 0)
		return -1;
	if (!S_ISDIR(status.st_mode))
		rule.allowed_access &= FILE_ACCESS;
	failed = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
	close(rule.parent_fd);
	return failed;
}

// Shuts the engine into its directory: its local flavour reads any file that SQL names, for example by file('/etc/shadow').
// A second wall only, so a kernel without Landlock does without.
static void confine(const char *directory)
{
	const struct landlock_ruleset_attr attr = { .handled_access_fs = ALL_ACCESS };
	int ruleset;

	if (syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) < 2)
		return;
	ruleset = syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	if (ruleset < 0)
		return;
	for (size_t i = 0; i < sizeof(readable) / sizeof(readable[0]); i++)
		allow(ruleset, readable[i], READ_ACCESS);
	if (allow(ruleset, directory, ALL_ACCESS) == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	    syscall(SYS_landlock_restrict_self, ruleset, 0) != 0)
		perror("landlock_restrict_self");
	close(ruleset);
}

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

	if (argc < 3) {
		fprintf(stderr, "usage: %s LIBRARY DIRECTORY [ARGUMENT...]\n", argv[0]);
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
	confine(argv[2]);
	if (pthread_create(&guard, NULL, guard_lifeline, NULL) != 0) {
		perror("pthread_create");
		return EXIT_LIBRARY;
	}
	argv[1] = "clickhouse-local";
	if (asprintf(&argv[2], "--path=%s", argv[2]) < 0)
		return EXIT_USAGE;
	// Its errors go to standard error; the result says nothing of them.
	query_cmdline(argc - 1, argv + 1);
	return 0;
}
