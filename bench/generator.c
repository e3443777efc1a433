/* Makes small pipelined HTTP/1.1 requests and answers over loopback connections of its own, both sides in this one process, at
 * a given rate of system calls with data: requests go out together in one write and are read one by one, answers likewise.
 * Usage: generator EVENTS_PER_SECOND SECONDS. Prints the number of system calls made and the seconds they took. */

#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS 16
/* Requests that go out together. One TCP send costs as much as many reads: only so does the rate come near what is wanted. */
#define PIPELINED 32
/* Rounds between two looks at the clock, each of two writes and twice as many reads as are pipelined. */
#define BURST 2
#define EVENTS_PER_ROUND (2 + 2 * PIPELINED)

static const char request[] = "GET /items/1 HTTP/1.1\r\nHost: bench\r\n\r\n";
static const char response[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

static int clients[CONNECTIONS], servers[CONNECTIONS];

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void connect_all(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	if (listener < 0 || bind(listener, (struct sockaddr *)&address, length) || listen(listener, CONNECTIONS) ||
	    getsockname(listener, (struct sockaddr *)&address, &length))
		die("listen");
	for (int i = 0; i < CONNECTIONS; i++) {
		clients[i] = socket(AF_INET, SOCK_STREAM, 0);
		if (clients[i] < 0 || connect(clients[i], (struct sockaddr *)&address, length))
			die("connect");
		servers[i] = accept(listener, NULL, NULL);
		if (servers[i] < 0)
			die("accept");
	}
	close(listener);
}

/* Sends the message PIPELINED times in one piece and reads them one by one. */
static void pass(int from, int to, const char *message, size_t length)
{
	char all[PIPELINED * 256], buffer[256];

	for (int i = 0; i < PIPELINED; i++)
		memcpy(all + (size_t)i * length, message, length);
	if (write(from, all, PIPELINED * length) != (ssize_t)(PIPELINED * length))
		die("write");
	for (int i = 0; i < PIPELINED; i++)
		if (read(to, buffer, length) != (ssize_t)length)
			die("read");
}

int main(int count, char **arguments)
{
	if (count != 3) {
		fprintf(stderr, "usage: generator EVENTS_PER_SECOND SECONDS\n");
		return 2;
	}
	double rate = atof(arguments[1]), seconds = atof(arguments[2]);
	uint64_t made = 0;

	connect_all();
	double started = now();

	for (double at = started; at - started < seconds; at = now()) {
		if ((double)made > (at - started) * rate) {
			struct timespec pause = {.tv_nsec = 200000};

			nanosleep(&pause, NULL);
			continue;
		}
		for (int i = 0; i < BURST; i++, made += EVENTS_PER_ROUND) {
			int connection = (int)(made / EVENTS_PER_ROUND % CONNECTIONS);

			pass(clients[connection], servers[connection], request, sizeof(request) - 1);
			pass(servers[connection], clients[connection], response, sizeof(response) - 1);
		}
	}
	printf("%llu %.6f\n", (unsigned long long)made, now() - started);
	return 0;
}
