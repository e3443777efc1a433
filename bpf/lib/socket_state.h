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

/* A connection begins, its opener seen: what was known of the address belongs to an earlier one. */
static __always_inline void socket_established(struct sock *sk, __u8 role)
{
	__u64 key = (__u64)sk;
	struct sonde_socket_state state = {
		.generation = new_generation(),
		.ports = ports_of(sk, false),
		.sent.next = BPF_CORE_READ((struct tcp_sock *)sk, write_seq),
		.received.next = BPF_CORE_READ((struct tcp_sock *)sk, copied_seq),
		.role = role,
		.netns = netns_of(sk),
	};

	bpf_map_update_elem(&sockets, &key, &state, BPF_ANY);
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
	if (bpf_map_update_elem(&sockets, &key, &fresh, BPF_ANY)) {
		count(SONDE_COUNT_SOCKETS_FULL);
		return 0;
	}
	return bpf_map_lookup_elem(&sockets, &key);
}

static __always_inline void close_event(struct sock *sk, struct sonde_socket_state *state)
{
	struct sonde_socket_close event = {
		.kind = SONDE_EVENT_CLOSE,
		.generation = state->generation,
		.time_ns = bpf_ktime_get_ns(),
		.socket = (__u64)sk,
	};

	if (bpf_ringbuf_output(&events, &event, sizeof(event), BPF_RB_NO_WAKEUP))
		count(SONDE_COUNT_RING_FULL);
}

/* The connection is over; user space hears of it if it knew it, and after the bytes that wait to be read. */
static __always_inline void socket_closed(struct sock *sk)
{
	__u64 key = (__u64)sk;
	struct sonde_socket_state *state = bpf_map_lookup_elem(&sockets, &key);

	if (!state || !state->delivered)
		return;
	if (unread(sk, false) > has_fin(sk, false))
		state->closing = 1;
	else
		close_event(sk, state);
}

/* After each read, whether it was delivered or not. */
static __always_inline void close_when_read(struct sock *sk, struct sonde_socket_state *state, bool direct)
{
	if (!state->closing || unread(sk, direct) > has_fin(sk, direct))
		return;
	state->closing = 0;
	close_event(sk, state);
}

/* Only the thread that calls connect() takes a socket to SYN_SENT, so it is the current one. */
static __always_inline void connect_begins(struct sock *sk)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct sonde_connect event = {
		.kind = SONDE_EVENT_CONNECT,
		.tgid = id >> 32,
		.time_ns = bpf_ktime_get_ns(),
		.socket = (__u64)sk,
		.tid = (__u32)id,
		.waits = BPF_CORE_READ(current_task(false), nvcsw),
		.remote_port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport)),
	};

	if (is_excluded_process(id >> 32))
		return;
	if (bpf_ringbuf_output(&events, &event, sizeof(event), BPF_RB_NO_WAKEUP))
		count(SONDE_COUNT_RING_FULL);
}

static __always_inline void socket_state_changed(struct sock *sk, int from, int to)
{
	if (to == TCP_ESTABLISHED && from == TCP_SYN_SENT)
		socket_established(sk, SONDE_ROLE_CLIENT);
	else if (to == TCP_ESTABLISHED && from == TCP_SYN_RECV)
		socket_established(sk, SONDE_ROLE_SERVER);
	else if (to == TCP_SYN_SENT && BPF_CORE_READ(sk, sk_protocol) == IPPROTO_TCP)
		connect_begins(sk);
	else if (to == TCP_CLOSE)
		socket_closed(sk);
}
