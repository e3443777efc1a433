// SPDX-License-Identifier: Apache-2.0
// Short lives in great number: connections of one request each, made by some long-lived clients, or by a process of its own each. Every
// request has a number in its path. Prints what was asked and answered as JSON.
// Usage: storm serve (prints its port, ends with its input) | storm connections PORT RATE SECONDS PREFIX | storm processes PORT COUNT
// SECONDS PREFIX | storm one PORT PATH.

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// Every address of 127.0.0.0/8 is this host: ports of connections that are just over are not to be had again at once.
#define ADDRESSES 200
#define CLIENTS 2
// Of storm processes: as many as run at the same time.
#define MOST_CHILDREN 512

extern char **environ;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

static void wait_until(double when)
{
	double left = when - now();
	struct timespec time = { .tv_sec = left, .tv_nsec = (left - (long)left) * 1e9 };

	if (left > 0)
		nanosleep(&time, NULL);
}

static int connect_to(int port, unsigned number)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK + number % ADDRESSES);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

// One request over a connection of its own; whether it was answered.
static int ask(int port, unsigned number, const char *path)
{
	char text[512];
	ssize_t length, all = 0;
	int fd = connect_to(port, number);

	if (fd < 0)
		return 0;
	length = snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: storm\r\nConnection: close\r\n\r\n", path);
	if (send(fd, text, length, MSG_NOSIGNAL) != length)
		length = -1;
	while (length > 0 && (length = recv(fd, text, sizeof(text), 0)) > 0)
		all += length;
	close(fd);
	return length == 0 && all > 0;
}

static int serve(void)
{
	static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
	struct sockaddr_in address = { .sin_family = AF_INET };
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t length = sizeof(address);
	struct pollfd ready[2];
	char text[1024];

	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) || listen(listener, 4096) ||
	    getsockname(listener, (struct sockaddr *)&address, &length))
		fail("listen");
	printf("%d\n", ntohs(address.sin_port));
	fflush(stdout);
	ready[0] = (struct pollfd){ .fd = listener, .events = POLLIN };
	ready[1] = (struct pollfd){ .fd = 0, .events = POLLIN };
	for (;;) {
		if (poll(ready, 2, -1) < 0)
			continue;
		if (ready[1].revents)
			return 0;
		for (int fd; (fd = accept(listener, NULL, NULL)) >= 0;) {
			if (recv(fd, text, sizeof(text), 0) > 0)
				send(fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL);
			close(fd);
			if (poll(ready, 2, 0) <= 0 || ready[1].revents)
				break;
		}
	}
}

static void print(unsigned asked, unsigned answered, double seconds)
{
	printf("{\"asked\":%u,\"answered\":%u,\"seconds\":%.3f}\n", asked, answered, seconds);
}

static int connections(int port, double rate, double seconds, const char *prefix)
{
	unsigned count = rate * seconds, answered = 0, part;
	double start = now();
	int results[2];

	if (pipe(results))
		fail("pipe");
	for (unsigned client = 0; client < CLIENTS; client++) {
		if (fork())
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (unsigned i = client; i < count; i += CLIENTS) {
			char path[256];

			wait_until(start + i / rate);
			snprintf(path, sizeof(path), "%s/%u", prefix, i);
			answered += ask(port, i, path);
		}
		if (write(results[1], &answered, sizeof(answered)) != sizeof(answered))
			fail("write");
		_exit(0);
	}
	for (int client = 0; client < CLIENTS; client++) {
		if (read(results[0], &part, sizeof(part)) != sizeof(part))
			fail("read");
		answered += part;
	}
	print(count, answered, now() - start);
	return 0;
}

static int processes(int port, unsigned count, double seconds, const char *prefix, const char *program)
{
	unsigned asked = 0, answered = 0, running = 0;
	double start = now();
	char number[16], path[256];
	int status;

	snprintf(number, sizeof(number), "%d", port);
	for (unsigned i = 0; i < count; i++) {
		char *arguments[] = { "storm", "one", number, path, NULL };
		pid_t child;

		wait_until(start + i * seconds / count);
		snprintf(path, sizeof(path), "%s/%u", prefix, i);
		while (running > 0 && waitpid(-1, &status, running < MOST_CHILDREN ? WNOHANG : 0) > 0) {
			running--;
			answered += status == 0;
		}
		if (posix_spawn(&child, program, NULL, NULL, arguments, environ))
			continue;
		running++;
		asked++;
	}
	for (; running > 0; running--)
		if (wait(&status) > 0)
			answered += status == 0;
	print(asked, answered, now() - start);
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (argc == 2 && !strcmp(what, "serve"))
		return serve();
	if (argc == 4 && !strcmp(what, "one"))
		return !ask(atoi(argv[2]), getpid(), argv[3]);
	if (argc == 6 && !strcmp(what, "connections"))
		return connections(atoi(argv[2]), atof(argv[3]), atof(argv[4]), argv[5]);
	if (argc == 6 && !strcmp(what, "processes"))
		return processes(atoi(argv[2]), atoi(argv[3]), atof(argv[4]), argv[5], "/proc/self/exe");
	fprintf(stderr, "storm serve | connections PORT RATE SECONDS PREFIX | processes PORT COUNT SECONDS PREFIX | one PORT PATH\n");
	return 2;
}
