/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Calls of Go's crypto/tls. A goroutine waits without its thread, so system calls around it say nothing; the descriptor is read instead:
 * crypto/tls.Conn begins with the net.Conn it runs over, an interface whose second word points to the connection. Of net.TCPConn
 * that begins with a pointer to net.netFD, which begins with poll.FD: a lock of 16 bytes, then the descriptor. So since Go 1.9. Where
 * these are other fields the number is another one; so it is only believed when it is a TCP socket that carries TLS.
 */
#pragma once

/* internal/poll.FD.Sysfd behind fdMutex */
#define GO_SYSFD 16

/* A net.Conn within a net.Conn, as multiplexers and keepers of connections make them. */
#define GO_MAX_WRAPPERS 3

/* Joins the connection to the socket of a net.netFD, if it is one. */
static __always_inline int go_join_fd(__u64 connection, __u64 net_fd)
{
	__u32 fd = 0;

	if (!net_fd || bpf_probe_read_user(&fd, sizeof(fd), (const void *)(net_fd + GO_SYSFD)))
		return 0;
	return tls_join_fd(connection, fd);
}

/* A wrapper begins with the net.Conn that it wraps, as an interface or as a pointer. */
static __always_inline void go_join(__u64 connection)
{
	__u64 stream = read_word(connection + 8);

	for (int i = 0; i < GO_MAX_WRAPPERS && stream; i++) {
		__u64 first = read_word(stream);

		if (go_join_fd(connection, first) || go_join_fd(connection, read_word(first)))
			return;
		stream = read_word(stream + 8);
	}
}

static __always_inline int go_call_begins(__u32 call, __u64 goroutine, __u64 connection, __u64 buffer)
{
	struct sonde_go_key key = { .goroutine = goroutine, .tgid = bpf_get_current_pid_tgid() >> 32 };
	struct sonde_go_call begun = { .connection = connection, .buffer = buffer, .call = call };

	if (!is_excluded_process(key.tgid))
		bpf_map_update_elem(&go_calls, &key, &begun, BPF_ANY);
	return 0;
}

static __always_inline int go_call_ends(__u64 goroutine, __s64 moved)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct sonde_go_key key = { .goroutine = goroutine, .tgid = id >> 32 };
	struct sonde_go_call *kept = bpf_map_lookup_elem(&go_calls, &key), call;

	if (!kept)
		return 0;
	call = *kept;
	bpf_map_delete_elem(&go_calls, &key);
	if (moved <= 0 || moved > 0x7fffffff)
		return 0;
	go_join(call.connection);
	return plaintext_moved(call.connection, call.call == TLS_CALL_READ ? SONDE_INGRESS : SONDE_EGRESS,
			       (const void *)call.buffer, moved, id, goroutine, 0);
}
