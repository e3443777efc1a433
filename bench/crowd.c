// SPDX-License-Identifier: Apache-2.0
// A host full of processes and connections that do nothing: PROCESSES of them hold SOCKETS sockets in all, half of them at some few
// servers of which each listens on a port of its own. Prints "ready" when all are connected, and ends when its input does.
// Usage: crowd PROCESSES SOCKETS.

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define SERVERS 16

static struct sockaddr_in addresses[SERVERS];

static void fail(const char *what)
{
	perror(what);
	kill(0, SIGKILL);
	exit(1);
}

// Accepts `count` connections, says so, and rests.
static void serve(int listener, int count, int ready)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int i = 0; i < count; i++)
		if (accept(listener, NULL, NULL) < 0)
			fail("accept");
	if (write(ready, "s", 1) != 1)
		fail("write");
	for (;;)
		pause();
}

static void rest(int first, int connections)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int i = 0; i < connections; i++) {
		struct sockaddr_in *to = &addresses[(first + i) % SERVERS];
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		if (fd < 0 || connect(fd, (struct sockaddr *)to, sizeof(*to)))
			fail("connect");
	}
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	int processes = argc > 1 ? atoi(argv[1]) : 10000, connections = (argc > 2 ? atoi(argv[2]) : 50000) / 2;
	int clients = processes - SERVERS - 1, listeners[SERVERS], ready[2], begun = 0;
	struct rlimit files;
	char byte;

	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	if (clients < 1 || pipe(ready))
		fail("crowd");
	for (int i = 0; i < SERVERS; i++) {
		socklen_t length = sizeof(addresses[i]);

		addresses[i] = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
		listeners[i] = socket(AF_INET, SOCK_STREAM, 0);
		if (bind(listeners[i], (struct sockaddr *)&addresses[i], sizeof(addresses[i])) ||
		    listen(listeners[i], 4096) || getsockname(listeners[i], (struct sockaddr *)&addresses[i], &length))
			fail("listen");
	}
	for (int i = 0; i < SERVERS; i++)
		if (fork() == 0) {
			for (int k = 0; k < SERVERS; k++)
				if (k != i)
					close(listeners[k]);
			serve(listeners[i], connections / SERVERS + (i < connections % SERVERS), ready[1]);
		}
	for (int i = 0; i < SERVERS; i++)
		close(listeners[i]);
	for (int i = 0; i < clients; i++) {
		int mine = connections / clients + (i < connections % clients);
		pid_t child = fork();

		if (child < 0)
			fail("fork");
		if (child == 0)
			rest(begun, mine);
		begun += mine;
	}
	for (int i = 0; i < SERVERS; i++)
		if (read(ready[0], &byte, 1) != 1)
			fail("read");
	puts("ready");
	fflush(stdout);
	while (read(0, &byte, 1) > 0)
		;
	signal(SIGTERM, SIG_IGN);
	kill(0, SIGKILL);
	return 0;
}
