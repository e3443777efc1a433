// SPDX-License-Identifier: Apache-2.0
// Packets of an interface (or all) by AF_PACKET with a TPACKET_V3 ring and a classic BPF filter in the kernel. Whole packets
// are copied into a buffer of the caller; a block goes back to the kernel when its last packet was taken.

#include "sonde.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/bpf_common.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

static const napi_type_tag packets_tag = { 0x7061636b65747331, 0xd2a90c5be83f4716 };

// [u32 captured, u32 original, u32 interface, u16 packet type, u16 VLAN id, u32 seconds, u32 nanoseconds, u16 link, 6 unused]
#define RECORD_HEADER 32

#define MAX_BLOCKS 4096
#define MAX_BLOCK_SIZE (64 * 1024 * 1024)

// The low bits of a tag; the others are priority.
#define VLAN_ID 0xfff

struct packets {
	int fd;
	uint8_t *blocks;
	size_t block_size;
	size_t block_count;
	size_t current;
	// Position within the current block: packets still to be taken, and where the next one lies.
	uint32_t left;
	uint8_t *next;
	uint64_t packets;
	uint64_t drops;
};

static void close_packets(struct packets *ring)
{
	if (ring->blocks)
		munmap(ring->blocks, ring->block_size * ring->block_count);
	ring->blocks = NULL;
	if (ring->fd >= 0)
		close(ring->fd);
	ring->fd = -1;
}

static void end_of_environment(void *handle)
{
	close_packets(handle);
}

static void release_packets(napi_env env, void *handle, void *hint)
{
	(void)hint;
	napi_remove_env_cleanup_hook(env, end_of_environment, handle);
	close_packets(handle);
	free(handle);
}

static const char *set_up(struct packets *ring, unsigned int interface, unsigned int retire_ms,
			  const struct sock_fprog *filter)
{
	int version = TPACKET_V3, ignore_outgoing = 1;
	struct tpacket_req3 request = {
		.tp_block_size = ring->block_size,
		.tp_block_nr = ring->block_count,
		.tp_frame_size = 2048,
		.tp_frame_nr = ring->block_size / 2048 * ring->block_count,
		.tp_retire_blk_tov = retire_ms,
	};
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = interface,
	};

	// Protocol 0: nothing arrives before the filter is in place and the socket is bound.
	ring->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (ring->fd < 0)
		return "no packet socket";
	if (setsockopt(ring->fd, SOL_SOCKET, SO_ATTACH_FILTER, filter, sizeof(*filter)))
		return "the filter was refused";
	if (setsockopt(ring->fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)))
		return "the kernel has no TPACKET_V3";
	// On loopback every packet is seen going out and coming in: once is enough. Elsewhere both directions are wanted. For
	// all interfaces at once the filter must tell (SKF_AD_HATYPE and SKF_AD_PKTTYPE).
	if (interface != 0 && interface == if_nametoindex("lo"))
		setsockopt(ring->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &ignore_outgoing, sizeof(ignore_outgoing));
	if (setsockopt(ring->fd, SOL_PACKET, PACKET_RX_RING, &request, sizeof(request)))
		return "no memory for the packet ring";
	ring->blocks = mmap(NULL, ring->block_size * ring->block_count, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, 0);
	if (ring->blocks == MAP_FAILED) {
		ring->blocks = NULL;
		return "the packet ring cannot be mapped";
	}
	if (bind(ring->fd, (struct sockaddr *)&address, sizeof(address)))
		return "the interface cannot be bound";
	return NULL;
}

// openPackets(interface: string ("" for all), filter: Uint8Array of sock_filter, blocks, blockSize, retireMs)
napi_value sonde_packets_open(napi_env env, napi_callback_info info)
{
	napi_value arguments[5], handle;
	double block_count, block_size, retire_ms;
	unsigned int interface = 0;
	struct sock_fprog filter;
	struct packets *ring;
	uint8_t *code;
	size_t code_length;
	const char *problem;
	char name[IF_NAMESIZE + 1];

	if (!sonde_arguments(env, info, 5, arguments) || !sonde_string(env, arguments[0], name, sizeof(name)) ||
	    !sonde_bytes(env, arguments[1], &code, &code_length) ||
	    !sonde_number(env, arguments[2], &block_count) || !sonde_number(env, arguments[3], &block_size) ||
	    !sonde_number(env, arguments[4], &retire_ms))
		return NULL;
	if (!(block_count >= 1 && block_count <= MAX_BLOCKS) || !(block_size >= 4096 && block_size <= MAX_BLOCK_SIZE) ||
	    !(retire_ms >= 0 && retire_ms <= 10000) || code_length % sizeof(struct sock_filter) ||
	    code_length / sizeof(struct sock_filter) > BPF_MAXINSNS) {
		sonde_throw_errno(env, ERANGE,
				  "expected 1 to %d blocks of 4096 to %d bytes, at most 10000 ms and %d instructions",
				  MAX_BLOCKS, MAX_BLOCK_SIZE, BPF_MAXINSNS);
		return NULL;
	}
	if (name[0] && !(interface = if_nametoindex(name))) {
		sonde_throw_errno(env, ENODEV, "there is no interface %s", name);
		return NULL;
	}
	ring = calloc(1, sizeof(*ring));
	if (!ring) {
		sonde_throw_errno(env, ENOMEM, "out of memory");
		return NULL;
	}
	ring->fd = -1;
	ring->block_count = (size_t)block_count;
	ring->block_size = (size_t)block_size;
	filter.len = code_length / sizeof(struct sock_filter);
	filter.filter = (struct sock_filter *)code;
	problem = set_up(ring, interface, (unsigned int)retire_ms, &filter);
	if (problem) {
		int error = errno;

		close_packets(ring);
		free(ring);
		sonde_throw_errno(env, error, "%s: %s", problem, strerror(error));
		return NULL;
	}
	handle = sonde_make_handle(env, &packets_tag, ring, release_packets);
	if (!handle) {
		close_packets(ring);
		free(ring);
		return NULL;
	}
	napi_add_env_cleanup_hook(env, end_of_environment, ring);
	return handle;
}

static struct packets *open_packets(napi_env env, napi_value value)
{
	struct packets *ring;

	if (!sonde_handle(env, value, &packets_tag, (void **)&ring))
		return NULL;
	if (!ring->blocks) {
		sonde_throw_errno(env, EBADF, "the packet ring is closed");
		return NULL;
	}
	return ring;
}

static void put32(uint8_t *at, uint32_t value)
{
	memcpy(at, &value, sizeof(value));
}

static void put16(uint8_t *at, uint16_t value)
{
	memcpy(at, &value, sizeof(value));
}

// pollPackets(ring, destination: Uint8Array): bytes written, as records of RECORD_HEADER bytes and the packet, padded to 8.
napi_value sonde_packets_poll(napi_env env, napi_callback_info info)
{
	napi_value arguments[2];
	struct packets *ring;
	size_t room, written = 0;
	uint8_t *target;

	if (!sonde_arguments(env, info, 2, arguments) || !(ring = open_packets(env, arguments[0])) ||
	    !sonde_bytes(env, arguments[1], &target, &room))
		return NULL;
	for (;;) {
		struct tpacket_block_desc *block = (void *)(ring->blocks + ring->current * ring->block_size);

		if (!ring->next) {
			if (!(__atomic_load_n(&block->hdr.bh1.block_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER))
				break;
			ring->left = block->hdr.bh1.num_pkts;
			ring->next = (uint8_t *)block + block->hdr.bh1.offset_to_first_pkt;
		}
		while (ring->left > 0) {
			struct tpacket3_hdr *packet = (void *)ring->next;
			struct sockaddr_ll *from =
				(void *)(ring->next + TPACKET_ALIGN(sizeof(struct tpacket3_hdr)));
			size_t step = (RECORD_HEADER + (size_t)packet->tp_snaplen + 7) & ~(size_t)7;
			uint8_t *record = target + written;

			if (step > room - written) {
				if (written == 0)
					sonde_throw_errno(env, EMSGSIZE, "the next packet takes %zu bytes, the buffer has %zu",
							  step, room);
				return sonde_double(env, (double)written);
			}
			put32(record, packet->tp_snaplen);
			put32(record + 4, packet->tp_len);
			put32(record + 8, from->sll_ifindex);
			put16(record + 12, from->sll_pkttype);
			put16(record + 14, packet->tp_status & TP_STATUS_VLAN_VALID ? packet->hv1.tp_vlan_tci & VLAN_ID : 0);
			put32(record + 16, packet->tp_sec);
			put32(record + 20, packet->tp_nsec);
			put16(record + 24, from->sll_hatype);
			memset(record + 26, 0, 6);
			memcpy(record + RECORD_HEADER, ring->next + packet->tp_mac, packet->tp_snaplen);
			written += step;
			ring->left--;
			ring->next += packet->tp_next_offset;
		}
		ring->next = NULL;
		__atomic_store_n(&block->hdr.bh1.block_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
		ring->current = (ring->current + 1) % ring->block_count;
	}
	return sonde_double(env, (double)written);
}

// packetStats(ring): [packets, drops] since the start; the kernel resets its own at each reading.
napi_value sonde_packets_stats(napi_env env, napi_callback_info info)
{
	struct tpacket_stats_v3 stats = { 0 };
	socklen_t length = sizeof(stats);
	napi_value arguments[1], result;
	struct packets *ring;

	if (!sonde_arguments(env, info, 1, arguments) || !(ring = open_packets(env, arguments[0])))
		return NULL;
	if (getsockopt(ring->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &length) == 0) {
		ring->packets += stats.tp_packets;
		ring->drops += stats.tp_drops;
	}
	napi_create_array_with_length(env, 2, &result);
	napi_set_element(env, result, 0, sonde_double(env, (double)ring->packets));
	napi_set_element(env, result, 1, sonde_double(env, (double)ring->drops));
	return result;
}

// closePackets(ring): again is no error.
napi_value sonde_packets_close(napi_env env, napi_callback_info info)
{
	napi_value arguments[1];
	struct packets *ring;

	if (sonde_arguments(env, info, 1, arguments) && sonde_handle(env, arguments[0], &packets_tag, (void **)&ring))
		close_packets(ring);
	return NULL;
}
