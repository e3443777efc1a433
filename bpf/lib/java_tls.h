/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Plaintext of Java (native/java). Of a socket the descriptor is told. An engine makes records that its user writes: by rules 2 and 3 of
 * tls_join.h, the second of which knows here how long the records are, because programs may write on another thread than they encrypt on.
 */
#pragma once

/* What `where` of sonde_java_plaintext says. */
#define JAVA_IS_SENT (1ULL << 32)

/* An engine made records, or plaintext came out of it. */
static __always_inline void java_engine_moved(__u64 session, bool is_sent, __u64 length, __u32 records)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct sonde_tls_thread *thread = is_sent ? tls_thread(id) : bpf_map_lookup_elem(&tls_threads, &id);

	if (!thread)
		return;
	if (!is_sent) {
		tls_join_received(thread, session, length);
	} else if (records) {
		thread->records = thread->session == session ? thread->records + records : records;
		thread->session = session;
	}
}

static __always_inline int java_moved(__u64 session, __u64 where, const void *bytes, __u64 length, __u64 records)
{
	__u64 id = bpf_get_current_pid_tgid();
	bool is_sent = where & JAVA_IS_SENT;
	__u32 fd = where;

	if (is_excluded_process(id >> 32))
		return 0;
	if (fd != (__u32)-1)
		tls_join_fd(session, fd);
	else
		java_engine_moved(session, is_sent, length, records);
	if (length == 0 || length > 0x7fffffff)
		return 0;
	return plaintext_moved(session, is_sent ? SONDE_EGRESS : SONDE_INGRESS, bytes, length, id, 0, 0);
}
