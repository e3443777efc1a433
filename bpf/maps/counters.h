/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#pragma once
/* counters: one sum a sonde_counter and CPU; never shared, so never contended. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SONDE_COUNT_MAX);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");
