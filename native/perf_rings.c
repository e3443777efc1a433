// SPDX-License-Identifier: Apache-2.0
// Drains the rings that perf has for each CPU, for kernels without BPF ring buffers (before 5.8), into the same records as event_ring.c
// does. Each ring is in order, but an answer may lie on another CPU than its request: so what is taken out is merged by the kernel's
// time, and what is younger than a moment stays for the next call.
// The layout is that of perf_event_open(2): a control page, then the data; one record may be cut by the end.

#include "sonde.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const napi_type_tag rings_tag = { 0x9c04d1be5a7342f1, 0xb1f06c83de2a5974 };

#define RECORD_HEADER 8
/* An event is written within that after its time was taken. */
#define SETTLED_NS 1000000

struct perf_ring {
	int fd;
	struct perf_event_mmap_page *control;
	uint64_t head; /* as far as this call looks */
};

struct perf_rings {
	size_t count;
	size_t page;
	size_t size; /* of one ring's data, a power of two */
	struct perf_ring rings[];
};

// Header, time, length of the data: what stands in front of each event.
struct sample {
	struct perf_event_header header;
	uint64_t time;
	uint32_t length;
} __attribute__((packed));

static void close_rings(struct perf_rings *all)
{
	for (size_t i = 0; i < all->count; i++) {
		if (all->rings[i].control)
			munmap(all->rings[i].control, all->page + all->size);
		close(all->rings[i].fd);
	}
	free(all);
}

static void release_rings(napi_env env, void *handle, void *hint)
{
	(void)env;
	(void)hint;
	close_rings(handle);
}

static int open_ring(struct perf_rings *all, int cpu, int map)
{
	struct perf_event_attr attributes = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attributes),
		.config = PERF_COUNT_SW_BPF_OUTPUT,
		.sample_period = 1,
		.sample_type = PERF_SAMPLE_TIME | PERF_SAMPLE_RAW,
		/* Nobody waits for it. */
		.watermark = 1,
		.wakeup_watermark = UINT32_MAX,
		.use_clockid = 1,
		.clockid = CLOCK_MONOTONIC,
	};
	struct perf_ring *ring = &all->rings[all->count];

	ring->fd = syscall(SYS_perf_event_open, &attributes, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
	if (ring->fd < 0)
		return errno;
	all->count++;
	ring->control = mmap(NULL, all->page + all->size, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, 0);
	if (ring->control == MAP_FAILED) {
		ring->control = NULL;
		return errno;
	}
	return bpf_map_update_elem(map, &cpu, &ring->fd, BPF_ANY) ? errno : 0;
}

// openPerfRings(object, map, bytes): of all CPUs together.
napi_value sonde_perf_open(napi_env env, napi_callback_info info)
{
	int cpus = libbpf_num_possible_cpus(), error = 0;
	napi_value arguments[3], handle;
	struct perf_rings *all;
	struct bpf_map *map;
	char name[64];
	double bytes;

	if (!sonde_arguments(env, info, 3, arguments) || !sonde_string(env, arguments[1], name, sizeof(name)) ||
	    !sonde_number(env, arguments[2], &bytes) || !(map = sonde_object_map(env, arguments[0], name)))
		return NULL;
	if (bpf_map__type(map) != BPF_MAP_TYPE_PERF_EVENT_ARRAY || cpus < 1) {
		sonde_throw_errno(env, EINVAL, "map %s has no rings of perf", name);
		return NULL;
	}
	all = calloc(1, sizeof(*all) + cpus * sizeof(all->rings[0]));
	if (!all) {
		sonde_throw_errno(env, ENOMEM, "out of memory");
		return NULL;
	}
	all->page = sysconf(_SC_PAGESIZE);
	for (all->size = all->page; all->size * 2 * cpus <= bytes;)
		all->size *= 2;
	for (int cpu = 0; cpu < cpus && error == 0; cpu++) {
		error = open_ring(all, cpu, bpf_map__fd(map));
		/* A processor that is not there. */
		if (error == ENODEV)
			error = 0;
	}
	if (error) {
		sonde_throw_errno(env, error, "rings of perf cannot be opened: %s", strerror(error));
		close_rings(all);
		return NULL;
	}
	handle = sonde_make_handle(env, &rings_tag, all, release_rings);
	if (!handle)
		close_rings(all);
	return handle;
}

// Copies out of the data, around its end.
static void copy_out(const struct perf_rings *all, const struct perf_ring *ring, uint64_t at, void *target, size_t length)
{
	const uint8_t *data = (const uint8_t *)ring->control + all->page;
	size_t start = at & (all->size - 1), first = all->size - start < length ? all->size - start : length;

	memcpy(target, data + start, first);
	memcpy((uint8_t *)target + first, data, length - first);
}

// The next event of a ring; other records are taken out: what was lost the programs count themselves. False: there is none.
static bool next_sample(struct perf_rings *all, struct perf_ring *ring, struct sample *sample)
{
	while (ring->control->data_tail < ring->head) {
		uint64_t tail = ring->control->data_tail;

		copy_out(all, ring, tail, sample, sizeof(*sample));
		if (sample->header.type == PERF_RECORD_SAMPLE)
			return true;
		__atomic_store_n(&ring->control->data_tail, tail + sample->header.size, __ATOMIC_RELEASE);
	}
	return false;
}

// pollPerfRings(rings, destination: Uint8Array): bytes written, as pollRing.
napi_value sonde_perf_poll(napi_env env, napi_callback_info info)
{
	napi_value arguments[2];
	struct perf_rings *all;
	struct timespec now;
	size_t room, written = 0;
	uint64_t until;
	uint8_t *target;

	if (!sonde_arguments(env, info, 2, arguments) ||
	    !sonde_handle(env, arguments[0], &rings_tag, (void **)&all) ||
	    !sonde_bytes(env, arguments[1], &target, &room))
		return NULL;
	clock_gettime(CLOCK_MONOTONIC, &now);
	until = now.tv_sec * 1000000000ULL + now.tv_nsec - SETTLED_NS;
	for (size_t i = 0; i < all->count; i++)
		all->rings[i].head = __atomic_load_n(&all->rings[i].control->data_head, __ATOMIC_ACQUIRE);
	for (;;) {
		struct perf_ring *oldest = NULL;
		struct sample sample, first;
		size_t step;

		for (size_t i = 0; i < all->count; i++) {
			if (!next_sample(all, &all->rings[i], &sample) || sample.time > until)
				continue;
			if (oldest && sample.time >= first.time)
				continue;
			oldest = &all->rings[i];
			first = sample;
		}
		if (!oldest)
			break;
		step = (RECORD_HEADER + (size_t)first.length + 7) & ~(size_t)7;
		if (step > room - written) {
			if (written == 0)
				sonde_throw_errno(env, EMSGSIZE, "the next event takes %zu bytes, the buffer has %zu", step, room);
			break;
		}
		memcpy(target + written, &first.length, sizeof(first.length));
		memset(target + written + 4, 0, 4);
		copy_out(all, oldest, oldest->control->data_tail + sizeof(first), target + written + RECORD_HEADER, first.length);
		written += step;
		__atomic_store_n(&oldest->control->data_tail, oldest->control->data_tail + first.header.size, __ATOMIC_RELEASE);
	}
	return sonde_double(env, (double)written);
}
