/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Go's HTTP/1 client: each connection has a goroutine that writes and one that reads, for whichever goroutine asks next. That one
 * enters persistConn.roundTrip, which is where it can be learnt. Its connection is the fifth field of net/http.persistConn, unchanged since Go
 * 1.13; where it is another field, what is found there is no client's TCP socket.
 */
#pragma once

/* alt (an interface), t (a pointer), cacheKey (three strings, a bool) */
#define GO_PERSIST_CONN 80

/* Lends the socket of a net.netFD, if it is one, to the goroutine. */
static __noinline int go_lend_fd(__u64 goroutine, __u64 net_fd)
{
	struct sonde_socket_state *state;
	__u32 fd = 0;
	struct sock *sk;

	if (!net_fd || bpf_probe_read_user(&fd, sizeof(fd), (const void *)(net_fd + GO_SYSFD)))
		return 0;
	sk = inet_socket_of_fd(fd, false);
	if (!sk || BPF_CORE_READ(sk, sk_protocol) != IPPROTO_TCP)
		return 0;
	state = socket_state(sk, ports_of(sk, false));
	if (!state || state->role == SONDE_ROLE_SERVER)
		return 0;
	state->lent_to = goroutine;
	return 1;
}

static __always_inline int go_round_trip_begins(__u64 goroutine, __u64 connection)
{
	__u64 stream = read_word(connection + GO_PERSIST_CONN + 8);

	if (is_excluded_process(bpf_get_current_pid_tgid() >> 32))
		return 0;
	for (int i = 0; i < GO_MAX_WRAPPERS && stream; i++) {
		__u64 first = read_word(stream);

		if (go_lend_fd(goroutine, first) || go_lend_fd(goroutine, read_word(first)))
			break;
		stream = read_word(stream + 8);
	}
	return 0;
}
