/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Arguments of system calls between enter and exit, by thread; 16,384. Only the tracepoint variant uses it. */
#pragma once

#include "../lib/socket_call.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct sonde_call);
} in_flight SEC(".maps");
