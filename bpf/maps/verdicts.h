/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#pragma once
/* verdicts: what user space decided of a socket, until the socket's next call takes it. Least recently used entries make room. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct sonde_socket_key);
	__type(value, __u8);
} verdicts SEC(".maps");

/* servers: what connections to an address and port begin with. Written and aged by user space; least recently used make room. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct sonde_server_key);
	__type(value, __u8);
} servers SEC(".maps");
