/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#pragma once
/* A call on a file whose thread had to wait. */
struct sonde_file_wait {
	__u64 begin_ns; /* CLOCK_MONOTONIC at its first wait */
	__u64 offset;   /* as the call says it; of the calls that do not, 0 */
	__u64 r14, sp;  /* of the thread at the call: which goroutine makes it */
	__u32 nr;
	__u32 fd;
};

/* file_waits: by thread (tgid << 32 | tid), from its first wait to the end of its call. The least recently used is not told of. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, __u64);
	__type(value, struct sonde_file_wait);
} file_waits SEC(".maps");

/* file_sums: calls that waited, by process, file and operation, since user space last took them. When full, counted. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, struct sonde_file_key);
	__type(value, struct sonde_file_sum);
} file_sums SEC(".maps");

/* file_budget: events of files that a CPU has told of. The budget is `file_events_per_second` (lib/file_wait.h). */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sonde_offers);
} file_budget SEC(".maps");

struct sonde_file_scratch {
	struct sonde_file head;
	/* Twice what is used, so that an offset and a length that are each in bounds stay in bounds together. */
	char names[2 * SONDE_FILE_NAMES_MAX];
};

/* file_scratch: where an event of a file is put together; programs on system call exit do not nest on a CPU. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sonde_file_scratch);
} file_scratch SEC(".maps");
