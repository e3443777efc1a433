/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#pragma once
/* excluded_tgids: processes whose system calls are left alone: Sonde's own and those configured. Written by user space. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, __u8);
} excluded_tgids SEC(".maps");

/* excluded_ports: TCP ports (either end, host byte order) whose connections are left alone. Written by user space. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u16);
	__type(value, __u8);
} excluded_ports SEC(".maps");
