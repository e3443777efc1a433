/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#pragma once
/* Events of a process that this processor may still make in a window (lib/budget.h). */
struct sonde_taken {
	__u32 tgid;
	__u32 window;
	__u32 left;
};

/* Processes of which that is kept, by the last bits of their numbers (a power of two). */
#define SONDE_TAKEN 16

/* Room for one event: the stack has 512 bytes. */
struct sonde_scratch {
	struct sonde_socket_data head;
	/* Twice the most that is delivered, so that an offset and a length that are each in bounds stay in bounds together. */
	__u8 payload[2 * SONDE_PAYLOAD_MAX];
	struct sonde_taken taken[SONDE_TAKEN];
};

/* scratch: where an event is put together; programs on system call exit do not nest on a CPU. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sonde_scratch);
} scratch SEC(".maps");
