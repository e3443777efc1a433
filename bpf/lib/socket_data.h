/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * From a finished system call to a record in the ring: is it about a TCP socket that anybody wants to hear of, which
 * protocol, which bytes. Everything that ends early does so as early as it can.
 */
#pragma once

#include "../maps/excluded_ports.h"
#include "../maps/excluded_tgids.h"
#include "config.h"
#include "infer.h"
#include "payload.h"
#include "socket_state.h"

#define S_IFMT 0170000
#define S_IFSOCK 0140000
/* arch/x86/include/asm/thread_info.h: the system call was made with 32-bit numbers and registers. */
#define TS_COMPAT 2
#define MSG_PEEK 0x2
#define MSG_TRUNC 0x20
#define MSG_ERRQUEUE 0x2000

static __always_inline struct sock *sonde_sock_of(struct task_struct *task, __u32 fd)
{
	struct file **files = BPF_CORE_READ(task, files, fdt, fd);
	struct file *file = 0;
	struct socket *socket;

	/* The call succeeded on this descriptor, and the table never shrinks: no need to check its size. */
	if (bpf_probe_read_kernel(&file, sizeof(file), files + fd) || !file)
		return 0;
	if ((BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return 0;
	socket = BPF_CORE_READ(file, private_data);
	return BPF_CORE_READ(socket, sk);
}

/* State of the connection; begins one whose opening was not seen. Null: not TCP, or no room. */
static __always_inline struct sonde_socket *sonde_socket_of(struct sock *sk)
{
	__u64 key = (__u64)sk;
	__u32 port_pair = BPF_CORE_READ(sk, __sk_common.skc_portpair);
	struct sonde_socket *socket = bpf_map_lookup_elem(&sockets, &key);

	if (socket && port_pair && socket->port_pair == port_pair)
		return socket;
	if (!port_pair || !sonde_is_tcp(sk))
		return 0;
	return sonde_begin(sk, port_pair, SONDE_ROLE_UNKNOWN);
}

/* Whether a call on a socket of yet unknown protocol is to be delivered; learns the protocol or counts the miss. */
static __always_inline bool sonde_learn(struct sonde_socket *socket, const __u8 *bytes, __u64 length)
{
	enum sonde_guess guess = sonde_infer(bytes, length);

	if (guess == SONDE_GUESS_HTTP1 || guess == SONDE_GUESS_REDIS) {
		socket->protocol = guess == SONDE_GUESS_HTTP1 ? SONDE_PROTOCOL_HTTP1 : SONDE_PROTOCOL_REDIS;
		return true;
	}
	sonde_count(SONDE_COUNTER_MISSES, 1);
	if (++socket->misses == sonde_max_misses)
		sonde_count(SONDE_COUNTER_FILTERED_SOCKETS, 1);
	return guess == SONDE_GUESS_MAYBE;
}

static __always_inline void sonde_fill(struct sonde_socket_data *header, const struct sonde_socket *socket,
				       struct sock *sk, const struct sonde_call *call, __u64 moved, __u64 captured)
{
	struct tcp_sock *tcp = (struct tcp_sock *)sk;
	__u64 id = bpf_get_current_pid_tgid();

	header->kind = SONDE_EVENT_DATA;
	header->captured = captured;
	header->time_ns = bpf_ktime_get_ns();
	header->socket = (__u64)sk;
	header->tgid = id >> 32;
	header->tid = id;
	header->fd = call->fd;
	header->length = moved;
	header->tcp_seq = (call->direction == SONDE_EGRESS ? BPF_CORE_READ(tcp, write_seq) :
							     BPF_CORE_READ(tcp, copied_seq)) - moved;
	header->local_port = sonde_local_port(socket->port_pair);
	header->remote_port = sonde_remote_port(socket->port_pair);
	header->direction = call->direction;
	header->role = socket->role;
	header->protocol = socket->protocol;
	header->is_ipv4 = socket->is_ipv4;
	header->generation = socket->generation;
	__builtin_memcpy(header->local_ip, socket->local_ip, 16);
	__builtin_memcpy(header->remote_ip, socket->remote_ip, 16);
	bpf_get_current_comm(header->comm, sizeof(header->comm));
}

/* `moved` is what the call returned. */
static __always_inline int sonde_on_call(struct sonde_call *call, __s64 moved)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	__u32 zero = 0;
	__u64 wanted, captured, size;
	struct task_struct *task;
	struct sonde_socket *socket;
	struct sonde_scratch *out;
	struct sock *sk;

	if (moved <= 0)
		return 0;
	if (bpf_map_lookup_elem(&excluded_tgids, &tgid)) {
		sonde_count(SONDE_COUNTER_EXCLUDED_PROCESS_CALLS, 1);
		return 0;
	}
	task = (struct task_struct *)bpf_get_current_task();
	if (BPF_CORE_READ(task, thread_info.status) & TS_COMPAT)
		return 0;
	/* Bytes that stay in the queue, or that never were in the stream. */
	if (call->flags & (MSG_PEEK | MSG_ERRQUEUE))
		return 0;
	sk = sonde_sock_of(task, call->fd);
	if (!sk)
		return 0;
	socket = sonde_socket_of(sk);
	if (!socket)
		return 0;
	if (sonde_is_port_excluded(sonde_local_port(socket->port_pair)) ||
	    sonde_is_port_excluded(sonde_remote_port(socket->port_pair))) {
		sonde_count(SONDE_COUNTER_EXCLUDED_PORT_CALLS, 1);
		return 0;
	}
	sonde_count(SONDE_COUNTER_SOCKET_CALLS, 1);
	sonde_count(SONDE_COUNTER_SOCKET_BYTES, moved);
	if (socket->misses >= sonde_max_misses && !socket->protocol) {
		sonde_count(SONDE_COUNTER_FILTERED_CALLS, 1);
		return 0;
	}
	out = bpf_map_lookup_elem(&scratch, &zero);
	if (!out)
		return 0;
	if (call->shape == SONDE_SHAPE_MSGHDR) {
		struct user_msghdr header = {};

		if (bpf_probe_read_user(&header, sizeof(header), (void *)call->buffer))
			sonde_count(SONDE_COUNTER_READ_FAULTS, 1);
		call->buffer = (__u64)header.msg_iov;
		call->count = header.msg_iovlen;
		call->shape = SONDE_SHAPE_IOVEC;
	}
	wanted = moved;
	if (wanted > sonde_payload_cap)
		wanted = sonde_payload_cap;
	/* Received with MSG_TRUNC, bytes are thrown away and the buffer is not written. */
	captured = call->flags & MSG_TRUNC && call->direction == SONDE_INGRESS ? 0 : sonde_gather(out, call, wanted);
	if (!socket->protocol && !sonde_learn(socket, out->payload, captured))
		return 0;
	sonde_fill(&out->header, socket, sk, call, moved, captured);
	SONDE_CLAMP(captured, SONDE_PAYLOAD_MAX);
	size = sizeof(out->header) + captured;
	if (bpf_ringbuf_output(&events, out, size, BPF_RB_NO_WAKEUP)) {
		sonde_count(SONDE_COUNTER_DATA_DROPS, 1);
		return 0;
	}
	socket->is_delivered = 1;
	sonde_count(SONDE_COUNTER_EVENTS, 1);
	sonde_count(SONDE_COUNTER_BYTES, captured);
	return 0;
}
