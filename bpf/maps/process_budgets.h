/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#pragma once
struct sonde_process_budget {
	__u32 window;  /* the last in which it made events (lib/budget.h) */
	__u32 used;    /* events made in it */
	__u64 refused; /* events not made, in all */
};

/* process_budgets: what each process has used of its events. The least recently used is forgotten, and has a whole budget again. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct sonde_process_budget);
} process_budgets SEC(".maps");
