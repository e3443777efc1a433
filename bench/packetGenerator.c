/* Sends TCP packets of HTTP/1.1 conversations, both sides of them, out of one interface at a given rate: what an agent on the
 * other end of a veth pair sees of a busy host. Sequence numbers go on as a real connection's would.
 * Usage: packetGenerator INTERFACE PACKETS_PER_SECOND SECONDS. Prints the number of packets sent and the seconds they took. */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define CONNECTIONS 64
#define BATCH 64
#define FRAME 512
#define HEADERS (sizeof(struct ether_header) + sizeof(struct iphdr) + sizeof(struct tcphdr))

static const char request[] = "GET /items/1 HTTP/1.1\r\nHost: bench\r\nUser-Agent: generator\r\n\r\n";
static const char response[] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok";

static struct {
	uint32_t next[2]; /* sequence numbers of client and server */
	uint8_t step;     /* 0 SYN, 1 SYN-ACK, 2 ACK, then request and response in turn */
	uint16_t identification;
} connections[CONNECTIONS];

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

/* Writes the next packet of a connection; returns its length. */
static size_t next_packet(uint8_t *frame, int index)
{
	struct ether_header *ether = (struct ether_header *)frame;
	struct iphdr *ip = (struct iphdr *)(ether + 1);
	struct tcphdr *tcp = (struct tcphdr *)(ip + 1);
	uint8_t step = connections[index].step;
	int side = step == 1 || (step > 2 && step % 2 == 0);
	const char *text = step < 3 ? "" : side ? response : request;
	size_t length = strlen(text);

	memset(frame, 0, HEADERS);
	memset(ether->ether_dhost, 2, ETH_ALEN);
	memset(ether->ether_shost, 4, ETH_ALEN);
	ether->ether_type = htons(ETHERTYPE_IP);
	ip->version = 4;
	ip->ihl = 5;
	ip->tot_len = htons((uint16_t)(HEADERS - sizeof(*ether) + length));
	ip->id = htons(connections[index].identification++);
	ip->ttl = 64;
	ip->protocol = IPPROTO_TCP;
	ip->saddr = htonl(side ? 0x0a090002 : 0x0a090001);
	ip->daddr = htonl(side ? 0x0a090001 : 0x0a090002);
	tcp->source = htons((uint16_t)(side ? 80 : 20000 + index));
	tcp->dest = htons((uint16_t)(side ? 20000 + index : 80));
	tcp->seq = htonl(connections[index].next[side]);
	tcp->ack_seq = step == 0 ? 0 : htonl(connections[index].next[!side]);
	tcp->doff = 5;
	tcp->syn = step < 2;
	tcp->ack = step > 0;
	tcp->psh = length > 0;
	tcp->window = htons(65535);
	memcpy(frame + HEADERS, text, length);
	connections[index].next[side] += (uint32_t)length + (step < 2);
	connections[index].step = step == 4 ? 3 : step + 1;
	return HEADERS + length;
}

int main(int count, char **arguments)
{
	if (count != 4) {
		fprintf(stderr, "usage: packetGenerator INTERFACE PACKETS_PER_SECOND SECONDS\n");
		return 2;
	}
	static uint8_t frames[BATCH][FRAME];
	static struct mmsghdr messages[BATCH];
	static struct iovec pieces[BATCH];
	double rate = atof(arguments[2]), seconds = atof(arguments[3]);
	struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(arguments[1])};
	int fd = socket(AF_PACKET, SOCK_RAW, 0), bypass = 1;
	uint64_t sent = 0;

	if (fd < 0 || address.sll_ifindex == 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)))
		die("open the interface");
	setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &bypass, sizeof(bypass));
	double started = now();

	for (double at = started; at - started < seconds; at = now()) {
		if ((double)sent > (at - started) * rate) {
			struct timespec pause = {.tv_nsec = 100000};

			nanosleep(&pause, NULL);
			continue;
		}
		for (int i = 0; i < BATCH; i++) {
			pieces[i].iov_base = frames[i];
			pieces[i].iov_len = next_packet(frames[i], (int)((sent + (uint64_t)i) % CONNECTIONS));
			messages[i].msg_hdr.msg_iov = &pieces[i];
			messages[i].msg_hdr.msg_iovlen = 1;
		}
		for (int done = 0; done < BATCH;) {
			int taken = sendmmsg(fd, messages + done, (unsigned int)(BATCH - done), 0);

			if (taken < 0)
				die("send");
			done += taken;
		}
		sent += BATCH;
	}
	printf("%llu %.6f\n", (unsigned long long)sent, now() - started);
	return 0;
}
