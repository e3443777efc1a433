/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#pragma once
/* What is known of one open socket. */
struct sonde_socket_state {
	__u32 generation; /* tells apart the connections that share a socket's address one after the other */
	__u32 ports;      /* local << 16 | remote: a change means another connection */
	__u8 protocol;    /* 0: not recognised yet */
	__u8 misses;      /* payloads in a row that looked like nothing known */
	__u8 role;        /* sonde_role */
	__u8 delivered;   /* user space knows this connection */
};

/* sockets: state by address of the kernel's struct sock. Least recently used entries make room. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, __u64);
	__type(value, struct sonde_socket_state);
} sockets SEC(".maps");
