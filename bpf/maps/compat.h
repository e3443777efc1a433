/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Maps of the object for old kernels, besides those that it shares; all kinds are of 4.10 or older. */
#pragma once

/* events: everything user space hears of, for each CPU a ring of perf; in order only within a CPU. */
struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} events SEC(".maps");

struct sonde_settings {
	__u32 payload_bytes;
	__u32 offers_per_second;
};

/* settings: written by user space before anything is attached; these kernels have no constants. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sonde_settings);
} settings SEC(".maps");

/* descriptors: those (lib/compat_call.h, descriptor_key) that were TCP sockets when capture began. Written by user space; a close takes one out. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, __u64);
	__type(value, __u8);
} descriptors SEC(".maps");

/* lives: when a process last began a program or ended: what was known of its descriptors before is old. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, __u64);
} lives SEC(".maps");

/* The other end of a connection, as connect() was told it or accept() told it. */
struct sonde_peer {
	__u8 ip[16]; /* IPv4 as ::ffff:a.b.c.d */
	__u16 port;  /* 0: not known */
	__u8 is_ipv4;
	__u8 pad[5];
};

/* peers: by descriptor. The least recently used is forgotten: user space looks the connection up in /proc. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, __u64);
	__type(value, struct sonde_peer);
} peers SEC(".maps");
