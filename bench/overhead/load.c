/*
 * Requests over kept-alive connections, one outstanding on each: at a steady rate, or as fast as answers come. In C, because what it
 * takes of the machine is missing to what is measured.
 * Usage: load PORT CONNECTIONS REQUESTS_PER_SECOND KIND, where KIND is http or redis, and a rate of 0 asks for no pause.
 * SIGUSR2: prints "REQUESTS P50 P99" of the time since the last one; latencies in microseconds, from a histogram of 1/16 steps.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define MOST_CONNECTIONS 256
#define BUCKETS 512

static int connections, idle_count;
static int sockets[MOST_CONNECTIONS], idle[MOST_CONNECTIONS];
static long received[MOST_CONNECTIONS];
static int64_t sent_ns[MOST_CONNECTIONS];
static long answer_bytes;
static char request[256];
static uint64_t histogram[BUCKETS], done;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

/* 16 buckets for each power of two. */
static int bucket_of(int64_t us)
{
	int log = 0;

	if (us < 16)
		return us < 0 ? 0 : us;
	while (us >> (log + 1))
		log++;
	return (log - 3) * 16 + ((us >> (log - 4)) & 15);
}

static long value_of(int bucket)
{
	return bucket < 16 ? bucket : (16L + bucket % 16) << (bucket / 16 - 1);
}

static long quantile(double q)
{
	uint64_t left = done * q;

	for (int i = 0; i < BUCKETS; i++) {
		if (histogram[i] > left)
			return value_of(i);
		left -= histogram[i];
	}
	return 0;
}

static void tell(void)
{
	printf("%lu %ld %ld\n", (unsigned long)done, quantile(0.5), quantile(0.99));
	fflush(stdout);
	memset(histogram, 0, sizeof(histogram));
	done = 0;
}

static void ask(int i)
{
	sent_ns[i] = now_ns();
	if (write(sockets[i], request, strlen(request)) < 0)
		fail("write");
}

/* All answers are as long as the first. */
static long length_of(const char *answer, long size)
{
	const char *end = memmem(answer, size, "\r\n\r\n", 4), *length = strcasestr(answer, "content-length: ");

	if (request[0] == '*')
		return size;
	if (!end || !length) {
		fprintf(stderr, "the first answer is not HTTP with a length\n");
		exit(1);
	}
	return end + 4 - answer + atol(length + 16);
}

/* True when the answer is complete. */
static int hear(int i)
{
	static char buffer[65536];
	long size = read(sockets[i], buffer, sizeof(buffer) - 1);

	if (size <= 0)
		fail("read");
	buffer[size] = 0;
	if (answer_bytes == 0)
		answer_bytes = length_of(buffer, size);
	received[i] += size;
	if (received[i] < answer_bytes)
		return 0;
	received[i] = 0;
	done++;
	histogram[bucket_of((now_ns() - sent_ns[i]) / 1000)]++;
	return 1;
}

static void watch(int epoll, int fd, int number)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = number };

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event))
		fail("epoll_ctl");
}

static void connect_all(int epoll, int port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int one = 1;

	for (int i = 0; i < connections; i++) {
		sockets[i] = socket(AF_INET, SOCK_STREAM, 0);
		if (connect(sockets[i], (struct sockaddr *)&address, sizeof(address)))
			fail("connect");
		setsockopt(sockets[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		watch(epoll, sockets[i], i);
		idle[idle_count++] = i;
	}
}

int main(int argc, char **argv)
{
	struct itimerspec each_ms = { { 0, 1000000 }, { 0, 1000000 } };
	struct epoll_event events[MOST_CONNECTIONS];
	int epoll = epoll_create1(0), timer = timerfd_create(CLOCK_MONOTONIC, 0), told;
	int64_t begun, due, sent = 0, rate;
	sigset_t signals;

	if (argc != 5) {
		fprintf(stderr, "usage: load PORT CONNECTIONS REQUESTS_PER_SECOND http|redis\n");
		return 2;
	}
	connections = atoi(argv[2]);
	rate = atol(argv[3]);
	if (connections < 1 || connections > MOST_CONNECTIONS)
		return 2;
	if (!strcmp(argv[4], "redis"))
		strcpy(request, "*2\r\n$3\r\nGET\r\n$5\r\nkey:1\r\n");
	else
		sprintf(request, "GET /index.html HTTP/1.1\r\nHost: 127.0.0.1:%s\r\nAccept: */*\r\n\r\n", argv[1]);
	sigemptyset(&signals);
	sigaddset(&signals, SIGUSR2);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	told = signalfd(-1, &signals, 0);
	watch(epoll, told, -1);
	connect_all(epoll, atoi(argv[1]));
	if (rate > 0) {
		timerfd_settime(timer, 0, &each_ms, NULL);
		watch(epoll, timer, -2);
	} else {
		while (idle_count > 0)
			ask(idle[--idle_count]);
	}
	begun = now_ns();
	for (;;) {
		int ready = epoll_wait(epoll, events, MOST_CONNECTIONS, -1);

		for (int at = 0; at < ready; at++) {
			int number = (int)events[at].data.u32;
			char skipped[128];

			if (number < 0) {
				if (read(number == -1 ? told : timer, skipped, sizeof(skipped)) > 0 && number == -1)
					tell();
				continue;
			}
			if (!hear(number))
				continue;
			if (rate > 0)
				idle[idle_count++] = number;
			else
				ask(number);
		}
		if (rate == 0)
			continue;
		due = (now_ns() - begun) / 1000 * rate / 1000000;
		/* What could not be sent in time is not made up for. */
		if (due - sent > rate / 20 + 1)
			sent = due - 1;
		for (; sent < due && idle_count > 0; sent++)
			ask(idle[--idle_count]);
	}
}
