/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#pragma once
/*
 * excluded_tgids: processes of which not everything is taken (sonde_scope): Sonde's own, and those that filters name. Written by user
 * space; a process that is not in it is followed.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, __u8);
} excluded_tgids SEC(".maps");

/*
 * excluded_ports: what was said of TCP ports (either end, host byte order; sonde_scope), also that all is taken, where settings say
 * otherwise of the rest. Written by user space.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u16);
	__type(value, __u8);
} excluded_ports SEC(".maps");
