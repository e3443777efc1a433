/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#pragma once
/* Room for one event: the stack has 512 bytes. */
struct sonde_scratch {
	struct sonde_socket_data head;
	/* Twice the most that is delivered, so that an offset and a length that are each in bounds stay in bounds together. */
	__u8 payload[2 * SONDE_PAYLOAD_MAX];
};

/* scratch: where an event is put together; programs on system call exit do not nest on a CPU. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sonde_scratch);
} scratch SEC(".maps");
