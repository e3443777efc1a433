/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The two ends of a TCP socket, read from the kernel's sock. */
#pragma once

#include "../maps/sockets.h"

#define AF_INET 2
#define AF_INET6 10
#define IPPROTO_TCP 6

static __always_inline bool sonde_is_tcp(struct sock *sk)
{
	__u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);

	/* A bit field before Linux 5.6. */
	return (family == AF_INET || family == AF_INET6) &&
	       BPF_CORE_READ_BITFIELD_PROBED(sk, sk_protocol) == IPPROTO_TCP;
}

static __always_inline __u16 sonde_local_port(__u32 port_pair)
{
	return port_pair >> 16;
}

static __always_inline __u16 sonde_remote_port(__u32 port_pair)
{
	return bpf_ntohs((__u16)port_pair);
}

static __always_inline void sonde_map_ipv4(__u8 ip[16], __be32 address)
{
	__u32 *words = (__u32 *)ip;

	words[0] = 0;
	words[1] = 0;
	words[2] = bpf_htonl(0xffff);
	words[3] = address;
}

/* Writes addresses and family; ports are the caller's. */
static __always_inline void sonde_read_tuple(struct sock *sk, struct sonde_socket *socket)
{
	if (BPF_CORE_READ(sk, __sk_common.skc_family) == AF_INET) {
		socket->is_ipv4 = 1;
		sonde_map_ipv4(socket->local_ip, BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr));
		sonde_map_ipv4(socket->remote_ip, BPF_CORE_READ(sk, __sk_common.skc_daddr));
		return;
	}
	BPF_CORE_READ_INTO(&socket->local_ip, sk, __sk_common.skc_v6_rcv_saddr.in6_u.u6_addr8);
	BPF_CORE_READ_INTO(&socket->remote_ip, sk, __sk_common.skc_v6_daddr.in6_u.u6_addr8);
	/* An IPv6 socket may carry IPv4, as ::ffff:a.b.c.d. */
	socket->is_ipv4 = ((__u32 *)socket->remote_ip)[0] == 0 && ((__u32 *)socket->remote_ip)[1] == 0 &&
			  ((__u32 *)socket->remote_ip)[2] == bpf_htonl(0xffff);
}
