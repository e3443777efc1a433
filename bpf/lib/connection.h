/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Beginnings and ends of connections, as TCP changes their state. */
#pragma once

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

	if (!is_payload_read || is_excluded_process(id >> 32))
		return;
	if (bpf_ringbuf_output(&events, &event, sizeof(event), BPF_RB_NO_WAKEUP))
		count(SONDE_COUNT_RING_FULL);
}

/* The current process opens a connection: what was known of the address belongs to an earlier one. Its port may not be known yet. */
static __always_inline void socket_connects(struct sock *sk)
{
	__u64 key = (__u64)sk;
	struct sonde_socket_state state = {
		.generation = new_generation(),
		.ports = ports_of(sk, false),
		.role = SONDE_ROLE_CLIENT,
		.netns = netns_of(sk),
		.owner = SONDE_OWNER_SEEN,
		.tgid = bpf_get_current_pid_tgid() >> 32,
		.begun_ns = bpf_ktime_get_ns(),
	};

	bpf_map_update_elem(&sockets, &key, &state, BPF_ANY);
	connect_begins(sk);
}

/* A connection is open, its opener seen. */
static __always_inline void socket_established(struct sock *sk, __u8 role)
{
	__u64 key = (__u64)sk;
	struct sonde_socket_state *begun = role == SONDE_ROLE_CLIENT ? bpf_map_lookup_elem(&sockets, &key) : 0;
	struct sonde_socket_state state = {
		.generation = new_generation(),
		.ports = ports_of(sk, false),
		.sent.next = BPF_CORE_READ((struct tcp_sock *)sk, write_seq),
		.received.next = BPF_CORE_READ((struct tcp_sock *)sk, copied_seq),
		.role = role,
		.netns = netns_of(sk),
		.begun_ns = bpf_ktime_get_ns(),
	};

	if (begun && !begun->is_over && begun->role == SONDE_ROLE_CLIENT) {
		state.owner = begun->owner;
		state.tgid = begun->tgid;
		state.begun_ns = begun->begun_ns;
	} else if (role == SONDE_ROLE_SERVER) {
		own_by_listener(&state);
	}
	bpf_map_update_elem(&sockets, &key, &state, BPF_ANY);
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

/* include/net/sock.h, enum sock_flags: no process holds it any more. */
#define SOCK_DEAD_BIT (1 << 0)

/* Nobody will read what is left: it was closed before, or is being closed with bytes unread. */
static __always_inline bool is_given_up(struct sock *sk, __u8 from)
{
	if (BPF_CORE_READ(sk, __sk_common.skc_flags) & SOCK_DEAD_BIT)
		return true;
	return (from == TCP_ESTABLISHED || from == TCP_CLOSE_WAIT) && BPF_CORE_READ(sk, sk_err) == 0;
}

/*
 * The connection is over. What TCP counted is told at once; that its bytes end, if user space knew them, after those that wait to be
 * read. Then nobody asks for its entry any more, except for plaintext that a TLS library still holds back.
 */
static __always_inline void socket_closed(struct sock *sk, __u8 from)
{
	__u64 key = (__u64)sk;
	struct sonde_socket_state *state = bpf_map_lookup_elem(&sockets, &key);

	if (!state || state->is_over)
		return;
	state->is_over = 1;
	flow_ended(sk, state, from);
	if (state->delivered) {
		if (unread(sk, false) > has_fin(sk, false) && !is_given_up(sk, from))
			state->closing = 1;
		else
			close_event(sk, state);
	}
	if (!state->closing && !state->is_tls)
		bpf_map_delete_elem(&sockets, &key);
}

/* After each read, whether it was delivered or not. */
static __always_inline void close_when_read(struct sock *sk, struct sonde_socket_state *state, bool direct)
{
	if (!state->closing || unread(sk, direct) > has_fin(sk, direct))
		return;
	state->closing = 0;
	close_event(sk, state);
}

static __always_inline void socket_state_changed(struct sock *sk, int from, int to)
{
	if (to == TCP_ESTABLISHED && from == TCP_SYN_SENT)
		socket_established(sk, SONDE_ROLE_CLIENT);
	else if (to == TCP_ESTABLISHED && from == TCP_SYN_RECV)
		socket_established(sk, SONDE_ROLE_SERVER);
	else if (to == TCP_CLOSE)
		socket_closed(sk, from);
	else if (BPF_CORE_READ(sk, sk_protocol) != IPPROTO_TCP)
		return;
	else if (to == TCP_SYN_SENT)
		socket_connects(sk);
	else if (to == TCP_LISTEN)
		socket_listens(sk, bpf_get_current_pid_tgid() >> 32, BPF_ANY);
}
