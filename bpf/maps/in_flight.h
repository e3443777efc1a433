/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#pragma once
/* Arguments of a system call between its enter and its exit, where the exit alone does not tell them. */
struct sonde_call {
	__u64 nr;
	__u64 fd;
	__u64 buffer;
	__u64 count;
};

/* in_flight: by thread (tgid << 32 | tid). Only used by the enter/exit tracepoints. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct sonde_call);
} in_flight SEC(".maps");
