/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * One record under construction per CPU, too large for the stack. Only programs at the exit of a system call use it: they do
 * not interrupt each other on a CPU.
 */
#pragma once

#include "../include/sonde_event.h"

struct sonde_scratch {
	struct sonde_socket_data header;
	/* Twice the largest payload: the verifier bounds an offset and a length each by SONDE_PAYLOAD_MAX, not their sum. */
	__u8 payload[2 * SONDE_PAYLOAD_MAX];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sonde_scratch);
} scratch SEC(".maps");
