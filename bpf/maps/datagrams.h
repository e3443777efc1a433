/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#pragma once
/* What is known of one UDP socket, of datagrams whose protocol no port tells. */
struct sonde_datagram_socket {
	__u32 generation; /* tells apart the sockets that share an address one after the other */
	__u16 local_port; /* a change means another socket */
	__u8 protocol;    /* 0: not recognised yet; sonde_verdict */
	__u8 offers;      /* calls given to user space while it was not recognised */
	__u8 calls;       /* since nothing more is offered, modulo 256 */
	__u8 pad[3];
};

/* datagram_sockets: state by address of the kernel's struct sock. The least recently used is a new one with its next call. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, __u64);
	__type(value, struct sonde_datagram_socket);
} datagram_sockets SEC(".maps");

/* datagram_sums: what sockets and their peers sent each other, since user space last took it. When full, counted. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, struct sonde_datagram_key);
	__type(value, struct sonde_datagram_sum);
} datagram_sums SEC(".maps");
