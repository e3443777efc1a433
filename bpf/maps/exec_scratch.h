/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#pragma once
struct sonde_exec_scratch {
	struct sonde_process head;
	char arguments[SONDE_ARGUMENTS_MAX];
};

/* exec_scratch: where the event of a program's begin is put together; these do not nest on a CPU. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sonde_exec_scratch);
} exec_scratch SEC(".maps");
