/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Plaintext of rustls, whose records always go through memory. A session is where its CommonState lies; unlike those of C libraries it
 * moves with whatever holds it, as a rule between handshake and first request. So what the handshake shows is of no use here, and each read
 * says anew: rustls decrypts what the thread received last. A session that first writes waits with what it wrote for the thread's next
 * write of records, which is longer.
 */
#pragma once

/* Marks the process: from now on it is remembered what its threads receive (tls_join.h). */
static __always_inline int rustls_used(void)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	__u8 one = 1;

	if (!bpf_map_lookup_elem(&rustls_processes, &tgid) && !is_excluded_process(tgid))
		bpf_map_update_elem(&rustls_processes, &tgid, &one, BPF_ANY);
	return 0;
}

/* The session is where it was when it was joined, and nobody else has its socket since. */
static __always_inline bool rustls_is_joined(__u64 address)
{
	struct sonde_tls_key key = tls_key(address);
	struct sonde_tls_session *session = bpf_map_lookup_elem(&tls_sessions, &key);
	struct sonde_socket_state *socket = session ? tls_socket(session) : 0;

	return socket && socket->tls_session == address;
}

/*
 * What Message begins with where it is application data, of 0.20 to 0.22, and at the end of 0.23: numbers that a capacity cannot
 * be. Compilers lay it out so since Rust 1.77; of others nothing is read.
 */
#define RUSTLS_DATA_FIRST 0x8000000000000003ULL
#define RUSTLS_DATA_LAST 0x8000000000000005ULL

/* A record holds 16 KiB, and what encryption adds. */
#define RUSTLS_MOST 0x4800

struct rustls_message {
	__u64 kind;
	__u64 capacity; /* 1 << 63: bytes that are only lent */
	__u64 address;
	__u64 length;
};

/* `context` begins with the address of the CommonState. */
static __always_inline int rustls_received(const void *context, const void *at)
{
	__u64 id = bpf_get_current_pid_tgid(), session = 0, socket;
	struct rustls_message message;
	struct sonde_tls_thread *thread;
	struct sonde_socket_state *state;

	rustls_used();
	if (is_excluded_process(id >> 32))
		return 0;
	if (bpf_probe_read_user(&message, sizeof(message), at) || bpf_probe_read_user(&session, sizeof(session), context)) {
		count(SONDE_COUNT_UNREADABLE);
		return 0;
	}
	if (message.kind < RUSTLS_DATA_FIRST || message.kind > RUSTLS_DATA_LAST)
		return 0;
	if (message.length == 0 || message.length > RUSTLS_MOST || message.capacity < message.length)
		return 0;
	thread = bpf_map_lookup_elem(&tls_threads, &id);
	if (thread && thread->socket && message.length <= thread->received) {
		socket = thread->socket;
		state = bpf_map_lookup_elem(&sockets, &socket);
		if (state && state->generation == thread->generation)
			tls_join(session, socket, state, thread->fd);
	}
	return plaintext_moved(session, SONDE_INGRESS, (const void *)message.address, message.length, id, 0, 0);
}

static __always_inline int rustls_write_begins(__u64 session, __u64 buffer, __u32 segments)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct sonde_rustls_call begun = { .session = session, .buffer = buffer, .segments = segments };

	rustls_used();
	if (!is_excluded_process(id >> 32))
		bpf_map_update_elem(&rustls_calls, &id, &begun, BPF_ANY);
	return 0;
}

/* OutboundChunks: 0, address, length; or a vector: address, number of segments, where it begins and ends within them. */
static __always_inline int rustls_write_of_chunks(__u64 session, const void *chunks)
{
	__u64 words[3];

	if (bpf_probe_read_user(words, sizeof(words), chunks)) {
		count(SONDE_COUNT_UNREADABLE);
		return 0;
	}
	if (!words[0])
		return rustls_write_begins(session, words[1], 0);
	/* What remains of a vector comes after what was taken of it; it never is the beginning of a message. */
	if (words[2])
		return 0;
	return rustls_write_begins(session, words[0], words[1]);
}

/* Appends bytes of the process to what is kept; both masks are of SONDE_KEPT_MOST, which clang would leave out (payload.h). */
static __always_inline void keep_bytes(struct sonde_rustls_kept *kept, const void *buffer, __u64 length)
{
	__u64 at = kept->captured, n = length;

	if (at >= SONDE_KEPT_MOST)
		return;
	if (n > SONDE_KEPT_MOST - 1 - at)
		n = SONDE_KEPT_MOST - 1 - at;
	asm volatile("%0 &= 0x3ff" : "+r"(at));
	asm volatile("%0 &= 0x3ff" : "+r"(n));
	if (n == 0)
		return;
	if (bpf_probe_read_user(kept->bytes + at, n, buffer))
		count(SONDE_COUNT_UNREADABLE);
	else
		kept->captured = at + n;
}

static __always_inline void keep_plaintext(struct sonde_tls_thread *thread, const struct sonde_rustls_call *call, __u64 moved, __u64 id)
{
	struct sonde_rustls_kept *kept = bpf_map_lookup_elem(&rustls_kept, &id);
	__u64 left = moved;
	__u32 zero = 0;

	if (!kept) {
		void *blank = bpf_map_lookup_elem(&rustls_blank, &zero);

		if (blank)
			bpf_map_update_elem(&rustls_kept, &id, blank, BPF_NOEXIST);
		kept = bpf_map_lookup_elem(&rustls_kept, &id);
		if (!kept) {
			count(SONDE_COUNT_TLS_FULL);
			return;
		}
	}
	if (!thread->kept || kept->session != call->session) {
		if (thread->kept)
			count(SONDE_COUNT_TLS_UNJOINED);
		kept->session = call->session;
		kept->length = kept->captured = 0;
	}
	if (!call->segments)
		keep_bytes(kept, (const void *)call->buffer, moved);
	for (int i = 0; i < SONDE_MAX_SEGMENTS; i++) {
		const struct iovec *segments = (const struct iovec *)call->buffer;
		struct iovec segment;

		if (i >= call->segments || !left || bpf_probe_read_user(&segment, sizeof(segment), segments + i))
			break;
		if (segment.iov_len > left)
			segment.iov_len = left;
		left -= segment.iov_len;
		keep_bytes(kept, segment.iov_base, segment.iov_len);
	}
	kept->length += moved;
	thread->session = call->session;
	thread->records = 0;
	thread->kept = kept->length;
}

static __always_inline int rustls_write_ends(__u64 moved)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct sonde_rustls_call *begun = bpf_map_lookup_elem(&rustls_calls, &id), call;
	struct sonde_tls_thread *thread;

	if (!begun)
		return 0;
	call = *begun;
	bpf_map_delete_elem(&rustls_calls, &id);
	if (moved == 0 || moved > 0x7fffffff)
		return 0;
	if (rustls_is_joined(call.session))
		return plaintext_moved(call.session, SONDE_EGRESS, (const void *)call.buffer, moved, id, 0, call.segments & 0xffff);
	thread = tls_thread(id);
	if (!thread)
		return 0;
	keep_plaintext(thread, &call, moved, id);
	return 0;
}

/* The thread wrote records: those of the session that was just joined, or of another one. */
static __noinline int rustls_written(__u64 address, int is_joined)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct sonde_rustls_kept *kept = bpf_map_lookup_elem(&rustls_kept, &id);

	if (!kept)
		return 0;
	if (is_joined && kept->session == address)
		plaintext_moved(address, SONDE_EGRESS, kept, kept->length, id, 0, PLAINTEXT_KEPT);
	else
		count(SONDE_COUNT_TLS_UNJOINED);
	bpf_map_delete_elem(&rustls_kept, &id);
	return 0;
}
