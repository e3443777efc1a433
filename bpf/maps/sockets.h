/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What is known of each TCP socket, by its address in the kernel; 65,536 of them, the least recently used makes room.
 * An entry outlives its connection: its generation tells the next user of the same address apart.
 */
#pragma once

#include "../include/sonde_event.h"

struct sonde_socket {
	__u32 generation;
	/* sock_common.skc_portpair; 0: no connection at present. */
	__u32 port_pair;
	__u8 protocol;
	/* Calls in a row that began no known protocol. */
	__u8 misses;
	__u8 role;
	__u8 is_ipv4;
	/* Some record of this connection was delivered: user space wants to know of its end. */
	__u8 is_delivered;
	__u8 pad[3];
	__u8 local_ip[16];
	__u8 remote_ip[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, __u64);
	__type(value, struct sonde_socket);
} sockets SEC(".maps");
