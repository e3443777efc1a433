/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Which socket carries the records of a TLS session. No library's structures are read, so that versions do not matter; what
 * shows is which system calls a thread makes around its calls of the library. The rules, first the one that is certain:
 *
 * 1. Within a call (nginx, curl, psql: the library reads and writes the socket itself): a call on a socket that carries TLS belongs to the session
 *    of the call in progress. Always believed, also against what was known.
 * 2. Written behind a call (Node, asyncio: records go through memory): the first write of TLS records by the thread, after a call of
 *    a session, carries that session's records. Where it is known how many bytes these are, it is not longer and not shorter.
 * 3. Received before a call: plaintext that comes out of a session came in with the records that the thread received last, and is not
 *    longer than these.
 *
 * Rules 2 and 3 only join a session that has no socket with a socket that has no session; a handshake takes them through
 * rule 2 at once. A pair is kept until the session is freed, or the socket serves another connection. Whatever the rules do not tell is
 * unknown, and its plaintext is not delivered.
 */
#pragma once

static __always_inline struct sonde_tls_key tls_key(__u64 session)
{
	struct sonde_tls_key key = { .session = session, .tgid = bpf_get_current_pid_tgid() >> 32 };

	return key;
}

/* The connection that the session is joined to, while it is the same; NULL otherwise. */
static __always_inline struct sonde_socket_state *tls_socket(const struct sonde_tls_session *session)
{
	__u64 key = session->socket;
	struct sonde_socket_state *state = bpf_map_lookup_elem(&sockets, &key);

	if (!state || state->generation != session->plain.generation)
		return 0;
	return state;
}

static __always_inline void tls_join(__u64 address, __u64 socket, struct sonde_socket_state *state, __u32 fd)
{
	struct sonde_tls_key key = tls_key(address);
	struct sonde_tls_session *known = bpf_map_lookup_elem(&tls_sessions, &key);
	struct sonde_tls_session session = {
		.socket = socket,
		.fd = fd,
		.plain.generation = state->generation,
		.plain.ports = state->ports,
		.plain.netns = state->netns,
		.plain.role = state->role,
	};

	state->tls_session = address;
	if (known && known->socket == socket && known->plain.generation == state->generation)
		return;
	bpf_map_update_elem(&tls_sessions, &key, &session, BPF_ANY);
}

/* Whether rules 2 and 3 may join the session. */
static __always_inline bool is_unjoined(__u64 address)
{
	struct sonde_tls_key key = tls_key(address);
	struct sonde_tls_session *session = bpf_map_lookup_elem(&tls_sessions, &key);

	return !session || !tls_socket(session);
}

/* Whether a write of so many bytes of records may be of what the session made last, as far as that is known. */
static __always_inline bool may_carry(const struct sonde_tls_thread *thread, __u32 moved)
{
	return (!thread->records || thread->records == moved) && thread->kept < moved;
}

/* What is known of a thread, which may begin now; NULL: there is no room. */
static __always_inline struct sonde_tls_thread *tls_thread(__u64 id)
{
	struct sonde_tls_thread *thread = bpf_map_lookup_elem(&tls_threads, &id), fresh = {};

	if (thread)
		return thread;
	bpf_map_update_elem(&tls_threads, &id, &fresh, BPF_ANY);
	return bpf_map_lookup_elem(&tls_threads, &id);
}

/* Of a thread that was not seen yet; NULL where that is of no use, as with most. */
static __always_inline struct sonde_tls_thread *new_tls_thread(__u64 id, __u8 direction)
{
	__u32 tgid = id >> 32;

	return direction == SONDE_INGRESS && bpf_map_lookup_elem(&rustls_processes, &tgid) ? tls_thread(id) : 0;
}

/* Plaintext that a thread has given to rustls, and that waited for this. */
static __noinline int rustls_written(__u64 address, int is_joined);

/* A system call moved records over a socket that carries TLS. */
static __always_inline void tls_moved(struct sock *sk, struct sonde_socket_state *state, __u32 fd, __u8 direction, __u32 moved)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct sonde_tls_thread *thread = bpf_map_lookup_elem(&tls_threads, &id) ?: new_tls_thread(id, direction);

	if (!thread)
		return;
	if (thread->call != TLS_CALL_NONE) {
		tls_join(thread->session, (__u64)sk, state, fd);
	} else if (direction == SONDE_INGRESS) {
		if (thread->socket != (__u64)sk || thread->generation != state->generation)
			thread->received = 0;
		thread->socket = (__u64)sk;
		thread->generation = state->generation;
		thread->received += moved;
		thread->fd = fd;
	} else if (thread->session) {
		bool joins = !state->tls_session && is_unjoined(thread->session) && may_carry(thread, moved);

		if (joins)
			tls_join(thread->session, (__u64)sk, state, fd);
		if (thread->kept)
			rustls_written(thread->session, joins);
		thread->session = 0;
		thread->records = 0;
		thread->kept = 0;
	}
}

/* Rule 3: `moved` bytes of plaintext came out of the session. */
static __always_inline void tls_join_received(struct sonde_tls_thread *thread, __u64 address, __u64 moved)
{
	__u64 socket = thread->socket;
	struct sonde_socket_state *state;

	if (!socket || moved > thread->received || !is_unjoined(address))
		return;
	state = bpf_map_lookup_elem(&sockets, &socket);
	thread->socket = 0;
	if (state && state->generation == thread->generation && !state->tls_session)
		tls_join(address, socket, state, thread->fd);
}

/*
 * Where the library's user tells the descriptor: joins the session to the socket behind it, if that is one of TCP that carries TLS, so that a
 * number that is none does no harm.
 */
static __noinline int tls_join_fd(__u64 address, __u32 fd)
{
	struct sock *sk = inet_socket_of_fd(fd, false);
	__u64 socket = (__u64)sk;
	struct sonde_socket_state *state;

	if (!sk || BPF_CORE_READ(sk, sk_protocol) != IPPROTO_TCP)
		return 0;
	state = bpf_map_lookup_elem(&sockets, &socket);
	if (!state || !state->is_tls || state->ports != ports_of(sk, false))
		return 0;
	tls_join(address, socket, state, fd);
	return 1;
}
