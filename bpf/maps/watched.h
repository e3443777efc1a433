/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#pragma once
struct sonde_watched {
	__u32 window; /* the last in which wake-ups of it were told (lib/budget.h) */
	__u32 used;   /* told in it */
};

/* watched: processes of which user space wants to know who wakes whom; written by user space, which keeps to the size. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, __u32);
	__type(value, struct sonde_watched);
} watched SEC(".maps");
