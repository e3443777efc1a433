// SPDX-License-Identifier: Apache-2.0
// Drains a BPF ring buffer into a buffer of the caller: one call for many events, no callback, no wake-up. A record that does
// not fit stays for the next call. The layout of the ring is the kernel's (kernel/bpf/ringbuf.c): a consumer page, a producer
// page, then the data, mapped twice in a row so that no record is cut by the end.

#include "sonde.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const napi_type_tag ring_tag = { 0x72696e67a3d94c0f, 0x8e5f7b2d4c6a1e93 };

#define BUSY (1u << 31)
#define DISCARD (1u << 30)
#define RECORD_HEADER 8

struct ring {
	unsigned long *consumer;
	unsigned long *producer;
	uint8_t *data;
	size_t page;
	size_t size;
};

static void release_ring(napi_env env, void *handle, void *hint)
{
	struct ring *ring = handle;

	(void)env;
	(void)hint;
	munmap(ring->consumer, ring->page);
	munmap(ring->producer, ring->page + 2 * ring->size);
	free(ring);
}

// openRing(object, map)
napi_value sonde_ring_open(napi_env env, napi_callback_info info)
{
	napi_value arguments[2], handle;
	struct bpf_map *map;
	struct ring *ring;
	char name[64];
	int fd;

	if (!sonde_arguments(env, info, 2, arguments) || !sonde_string(env, arguments[1], name, sizeof(name)) ||
	    !(map = sonde_object_map(env, arguments[0], name)))
		return NULL;
	if (bpf_map__type(map) != BPF_MAP_TYPE_RINGBUF) {
		sonde_throw_errno(env, EINVAL, "map %s is no ring", name);
		return NULL;
	}
	fd = bpf_map__fd(map);
	ring = calloc(1, sizeof(*ring));
	if (!ring) {
		sonde_throw_errno(env, ENOMEM, "out of memory");
		return NULL;
	}
	ring->page = sysconf(_SC_PAGESIZE);
	ring->size = bpf_map__max_entries(map);
	ring->consumer = mmap(NULL, ring->page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (ring->consumer == MAP_FAILED) {
		sonde_throw_errno(env, errno, "ring %s cannot be mapped", name);
		free(ring);
		return NULL;
	}
	ring->producer = mmap(NULL, ring->page + 2 * ring->size, PROT_READ, MAP_SHARED, fd, ring->page);
	if (ring->producer == MAP_FAILED) {
		sonde_throw_errno(env, errno, "ring %s cannot be mapped", name);
		munmap(ring->consumer, ring->page);
		free(ring);
		return NULL;
	}
	ring->data = (uint8_t *)ring->producer + ring->page;
	handle = sonde_make_handle(env, &ring_tag, ring, release_ring);
	if (!handle)
		release_ring(env, ring, NULL);
	return handle;
}

// pollRing(ring, destination: Uint8Array): bytes written, as records [u32 length, u32 0, data, padding to 8].
napi_value sonde_ring_poll(napi_env env, napi_callback_info info)
{
	unsigned long consumed, produced;
	napi_value arguments[2];
	struct ring *ring;
	uint8_t *target;
	size_t room, written = 0;

	if (!sonde_arguments(env, info, 2, arguments) ||
	    !sonde_handle(env, arguments[0], &ring_tag, (void **)&ring) ||
	    !sonde_bytes(env, arguments[1], &target, &room))
		return NULL;
	consumed = __atomic_load_n(ring->consumer, __ATOMIC_ACQUIRE);
	produced = __atomic_load_n(ring->producer, __ATOMIC_ACQUIRE);
	while (consumed < produced) {
		uint32_t *header = (uint32_t *)(ring->data + (consumed & (ring->size - 1)));
		uint32_t word = __atomic_load_n(header, __ATOMIC_ACQUIRE);
		uint32_t length = word & ~(BUSY | DISCARD);
		size_t step = (RECORD_HEADER + (size_t)length + 7) & ~(size_t)7;

		// A program on another CPU still writes this one; what follows it must wait, too.
		if (word & BUSY)
			break;
		if (!(word & DISCARD)) {
			if (step > room - written) {
				if (written == 0)
					sonde_throw_errno(env, EMSGSIZE, "the next event takes %zu bytes, the buffer has %zu",
							  step, room);
				break;
			}
			memcpy(target + written, &length, sizeof(length));
			memset(target + written + 4, 0, 4);
			memcpy(target + written + RECORD_HEADER, header + 2, length);
			written += step;
		}
		consumed += step;
	}
	__atomic_store_n(ring->consumer, consumed, __ATOMIC_RELEASE);
	return sonde_double(env, (double)written);
}

// ringWaiting(ring): bytes that wait in it, with what their records take beside them.
napi_value sonde_ring_waiting(napi_env env, napi_callback_info info)
{
	napi_value arguments[1];
	struct ring *ring;

	if (!sonde_arguments(env, info, 1, arguments) ||
	    !sonde_handle(env, arguments[0], &ring_tag, (void **)&ring))
		return NULL;
	return sonde_double(env, (double)(__atomic_load_n(ring->producer, __ATOMIC_ACQUIRE) -
					  __atomic_load_n(ring->consumer, __ATOMIC_ACQUIRE)));
}
