/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The life of an entry of `sockets`: begun by a connection seen to open or by its first bytes, ended by its close. */
#pragma once

#include "../maps/counters.h"
#include "../maps/events.h"
#include "tuple.h"

/* Begins a connection on this socket and returns its state; null when there is no room. */
static __always_inline struct sonde_socket *sonde_begin(struct sock *sk, __u32 port_pair, __u8 role)
{
	__u64 key = (__u64)sk;
	struct sonde_socket *known = bpf_map_lookup_elem(&sockets, &key);
	struct sonde_socket fresh = {};

	/* Where nothing is known of the address, milliseconds keep this use of it apart from forgotten ones. */
	fresh.generation = known ? known->generation + 1 : (__u32)(bpf_ktime_get_ns() >> 20);
	fresh.port_pair = port_pair;
	fresh.role = role;
	sonde_read_tuple(sk, &fresh);
	if (bpf_map_update_elem(&sockets, &key, &fresh, BPF_ANY)) {
		sonde_count(SONDE_COUNTER_STATE_DROPS, 1);
		return 0;
	}
	return bpf_map_lookup_elem(&sockets, &key);
}

static __always_inline void sonde_end(struct sock *sk)
{
	__u64 key = (__u64)sk;
	struct sonde_socket *socket = bpf_map_lookup_elem(&sockets, &key);
	struct sonde_socket_close event = {};

	if (!socket || !socket->port_pair)
		return;
	socket->port_pair = 0;
	if (!socket->is_delivered)
		return;
	event.kind = SONDE_EVENT_CLOSE;
	event.generation = socket->generation;
	event.time_ns = bpf_ktime_get_ns();
	event.socket = key;
	if (bpf_ringbuf_output(&events, &event, sizeof(event), BPF_RB_NO_WAKEUP))
		sonde_count(SONDE_COUNTER_CLOSE_DROPS, 1);
	else
		sonde_count(SONDE_COUNTER_CLOSES, 1);
}

static __always_inline int sonde_on_state(struct sock *sk, int old, int new)
{
	if (new == TCP_CLOSE) {
		sonde_end(sk);
	} else if (new == TCP_ESTABLISHED && (old == TCP_SYN_SENT || old == TCP_SYN_RECV)) {
		__u32 port_pair = BPF_CORE_READ(sk, __sk_common.skc_portpair);

		if (sonde_is_tcp(sk))
			sonde_begin(sk, port_pair, old == TCP_SYN_SENT ? SONDE_ROLE_CLIENT : SONDE_ROLE_SERVER);
	}
	return 0;
}
