/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* From a finished call of a TLS library to an event: the plaintext as a stream of its own, beside the socket's, with the same rules. */
#pragma once

/* A place for one event on this CPU; NULL when all are taken. */
static __always_inline struct sonde_tls_scratch *take_tls_scratch(__u64 owner)
{
	for (__u32 i = 0; i < SONDE_TLS_SLOTS; i++) {
		__u32 slot = i;
		struct sonde_tls_scratch *scratch = bpf_map_lookup_elem(&tls_scratch, &slot);

		if (scratch && !scratch->owner) {
			scratch->owner = owner;
			return scratch;
		}
	}
	return 0;
}

/* In place of a number of segments: `buffer` is a struct sonde_rustls_kept. */
#define PLAINTEXT_KEPT (-1)

/* Copies up to `most` (< 4096) bytes; the number copied. */
static __always_inline __u64 read_plaintext(__u8 *payload, const void *buffer, __s32 segments, __u64 most)
{
	if (segments == PLAINTEXT_KEPT) {
		const struct sonde_rustls_kept *kept = buffer;
		__u64 captured = kept->captured < most ? kept->captured : most;

		captured &= SONDE_KEPT_MOST - 1;
		return captured && !bpf_probe_read_kernel(payload, captured, kept->bytes) ? captured : 0;
	}
	return segments ? read_vector(payload, buffer, segments, most) : read_buffer(payload, buffer, most);
}

/* `scratch` has the payload read into it, or loses the race for its place; true when it was delivered. */
static __always_inline void deliver_plaintext(struct sonde_tls_scratch *scratch, struct sonde_tls_session *session,
					      struct sonde_socket_state *socket, __u8 direction, const void *buffer, __u64 moved,
					      __u64 id, __u64 coroutine, __s32 segments)
{
	struct sonde_scratch *event = &scratch->event;
	struct sonde_socket_state *plain = &session->plain;
	struct sock *sk = (struct sock *)session->socket;
	__u64 captured = payload_length(plain->protocol, moved);

	if (!within_budget(event, id >> 32, bpf_ktime_get_ns()))
		return;
	captured = read_plaintext(event->payload, buffer, segments, captured);
	event->head.is_tls = 1;
	read_addresses(sk, &event->head, false);
	if (plain->protocol == L7_UNKNOWN && !recognise(plain, event, captured, plain->ports))
		return;
	event->head.kind = SONDE_EVENT_DATA;
	event->head.captured = captured;
	event->head.time_ns = bpf_ktime_get_ns();
	event->head.socket = (__u64)sk;
	event->head.tgid = id >> 32;
	event->head.tid = (__u32)id;
	event->head.fd = session->fd;
	event->head.length = moved;
	event->head.tcp_seq = 0;
	event->head.local_port = plain->ports >> 16;
	event->head.remote_port = plain->ports & 0xffff;
	event->head.direction = direction;
	event->head.role = plain->role;
	event->head.protocol = plain->protocol;
	event->head.generation = plain->generation;
	event->head.netns = plain->netns;
	event->head.transport = IPPROTO_TCP;
	event->head.coroutine = caller_of(socket, direction, coroutine);
	event->head.number = ++plain->numbered;
	event->head.waits = BPF_CORE_READ(current_task(false), nvcsw);
	bpf_get_current_comm(event->head.comm, sizeof(event->head.comm));
	/* Another thread took the place between the look at it and the taking. */
	if (scratch->owner != id) {
		count(SONDE_COUNT_TLS_FULL);
		return;
	}
	BOUND(captured);
	if (bpf_ringbuf_output(&events, event, sizeof(event->head) + captured, BPF_RB_NO_WAKEUP)) {
		count(SONDE_COUNT_RING_FULL);
		return;
	}
	/* Its end is told, too. */
	socket->delivered = 1;
	count(SONDE_COUNT_DELIVERED);
	count_by(SONDE_COUNT_DELIVERED_BYTES, captured);
	if (plain->protocol == L7_UNKNOWN) {
		plain->offers++;
		count(SONDE_COUNT_OFFERED);
	}
}

/* `coroutine`: the goroutine or Task that makes the call; 0: none is known. `segments`: of the vector that `buffer` is; 0: it is none. */
static __always_inline int plaintext_moved(__u64 address, __u8 direction, const void *buffer, __u64 moved, __u64 id,
					   __u64 coroutine, __s32 segments)
{
	struct sonde_tls_key key = tls_key(address);
	struct sonde_tls_session *session = bpf_map_lookup_elem(&tls_sessions, &key);
	struct sonde_socket_state *socket = session ? tls_socket(session) : 0;
	struct sonde_tls_scratch *scratch;
	struct sonde_socket_state *plain;

	count(SONDE_COUNT_TLS_CALLS);
	if (!session || !socket) {
		count(SONDE_COUNT_TLS_UNJOINED);
		return 0;
	}
	plain = &session->plain;
	if (is_excluded_socket(plain))
		return 0;
	if (plain->protocol != SONDE_VERDICT_LEAVE)
		hear_verdict((struct sock *)session->socket, plain, true);
	if (plain->protocol == SONDE_VERDICT_LEAVE || (plain->protocol == L7_UNKNOWN && is_waiting(plain))) {
		count(SONDE_COUNT_FILTERED);
		return 0;
	}
	scratch = take_tls_scratch(id);
	if (!scratch) {
		count(SONDE_COUNT_TLS_FULL);
		return 0;
	}
	deliver_plaintext(scratch, session, socket, direction, buffer, moved, id, coroutine, segments);
	if (scratch->owner == id)
		scratch->owner = 0;
	return 0;
}

static __always_inline int tls_call_begins(__u32 call, __u64 session, __u64 buffer, __u64 moved_to)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct sonde_tls_thread *thread;

	if (is_excluded_process(id >> 32))
		return 0;
	thread = tls_thread(id);
	if (!thread)
		return 0;
	thread->session = session;
	thread->buffer = buffer;
	thread->moved_to = moved_to;
	thread->call = call;
	thread->records = 0;
	return 0;
}

/* `sp`: of the thread, at the return. */
static __always_inline int tls_call_ends(int result, __u64 sp)
{
	__u64 id = bpf_get_current_pid_tgid(), moved = 0;
	struct sonde_tls_thread *thread = bpf_map_lookup_elem(&tls_threads, &id);
	__u32 call;

	if (!thread || thread->call == TLS_CALL_NONE)
		return 0;
	call = thread->call;
	thread->call = TLS_CALL_NONE;
	if (call == TLS_CALL_HANDSHAKE || result <= 0)
		return 0;
	if (!thread->moved_to)
		moved = result;
	else if (bpf_probe_read_user(&moved, sizeof(moved), (const void *)thread->moved_to))
		count(SONDE_COUNT_UNREADABLE);
	if (moved == 0 || moved > 0x7fffffff)
		return 0;
	if (call == TLS_CALL_READ)
		tls_join_received(thread, thread->session, moved);
	return plaintext_moved(thread->session, call == TLS_CALL_READ ? SONDE_INGRESS : SONDE_EGRESS,
			       (const void *)thread->buffer, moved, id, running_task(sp), 0);
}

/* The library gives the session's memory back: what comes to lie there is another one. */
static __always_inline int tls_session_ends(__u64 address)
{
	struct sonde_tls_key key = tls_key(address);
	struct sonde_tls_session *session = bpf_map_lookup_elem(&tls_sessions, &key);
	__u64 id = bpf_get_current_pid_tgid();
	struct sonde_tls_thread *thread = bpf_map_lookup_elem(&tls_threads, &id);
	struct sonde_socket_state *socket;

	if (thread && thread->session == address && thread->call == TLS_CALL_NONE)
		thread->session = 0;
	if (!session)
		return 0;
	socket = tls_socket(session);
	if (socket && socket->tls_session == address)
		socket->tls_session = 0;
	bpf_map_delete_elem(&tls_sessions, &key);
	return 0;
}
