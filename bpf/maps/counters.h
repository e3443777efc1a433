/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* One value: all counters of a CPU (enum sonde_counter). */
#pragma once

#include "../include/sonde_counter.h"

struct sonde_counters {
	__u64 count[SONDE_COUNTER_COUNT];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sonde_counters);
} counters SEC(".maps");

static __always_inline void sonde_count(enum sonde_counter which, __u64 amount)
{
	__u32 key = 0;
	struct sonde_counters *counts = bpf_map_lookup_elem(&counters, &key);

	if (counts)
		counts->count[which] += amount;
}
