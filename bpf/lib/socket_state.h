/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#pragma once

/* 4 us of time differ between any two connections that one socket address serves one after the other. */
static __always_inline __u32 new_generation(void)
{
	return (__u32)(bpf_ktime_get_ns() >> 12);
}

static __always_inline __u32 ports_of(struct sock *sk, bool direct)
{
	/* Not skc_num: that is taken away from a closed socket, which may still be read. */
	return ((__u32)bpf_ntohs(READ(direct, (struct inet_sock *)sk, inet_sport)) << 16) |
	       bpf_ntohs(READ(direct, sk, __sk_common.skc_dport));
}

/* include/net/sock.h, enum sock_flags: set by tcp_fin() once the other side's FIN is in. */
#define SOCK_DONE_BIT (1 << 1)

/* Bytes received and not read yet, the FIN among them. */
static __always_inline __u32 unread(struct sock *sk, bool direct)
{
	struct tcp_sock *tcp = (struct tcp_sock *)sk;

	return READ(direct, tcp, rcv_nxt) - READ(direct, tcp, copied_seq);
}

static __always_inline bool has_fin(struct sock *sk, bool direct)
{
	return READ(direct, sk, __sk_common.skc_flags) & SOCK_DONE_BIT;
}

/* A read that reaches the end takes the FIN along: copied_seq counts it. */
static __always_inline bool has_read_fin(struct sock *sk, bool direct)
{
	return has_fin(sk, direct) && unread(sk, direct) == 0;
}

static __always_inline __u32 netns_of(struct sock *sk)
{
	/* A kernel without namespaces has one for all. */
	return bpf_core_field_exists(sk->__sk_common.skc_net.net) ? BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum) : 0;
}


/* The state of the connection that this socket serves now, made when it is new to us. */
static __always_inline struct sonde_socket_state *socket_state(struct sock *sk, __u32 ports)
{
	__u64 key = (__u64)sk;
	struct sonde_socket_state *known = bpf_map_lookup_elem(&sockets, &key);
	struct sonde_socket_state fresh = {};

	if (known && known->ports == ports)
		return known;
	fresh.generation = new_generation();
	fresh.ports = ports;
	fresh.netns = netns_of(sk);
	fresh.begun_ns = bpf_ktime_get_ns();
	fresh.is_late = 1;
	if (bpf_map_update_elem(&sockets, &key, &fresh, BPF_ANY)) {
		count(SONDE_COUNT_SOCKETS_FULL);
		return 0;
	}
	return bpf_map_lookup_elem(&sockets, &key);
}
