/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#pragma once
/* A system call with as many of its arguments as are looked at. */
struct sonde_call {
	__u64 nr;
	__u64 arguments[5];
	__u64 r14; /* these two registers of the caller; 0 where a hook does not tell */
	__u64 sp;
};

/*
 * in_flight: arguments between enter and exit, by thread (tgid << 32 | tid). Only used by the enter/exit tracepoints, where the
 * exit alone does not tell them.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct sonde_call);
} in_flight SEC(".maps");
