/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* From a finished system call to an event: is it a socket we follow, what did it move, does user space want it. */
#pragma once

/* Copies up to `most` bytes of what the call moved; the number of bytes copied, less when they cannot be read. */
static __always_inline __u64 read_payload(__u8 *payload, const struct sonde_call *call, __u8 shape, __u64 most)
{
	const struct iovec *vector = (const struct iovec *)call->arguments[1];
	__u64 segments = call->arguments[2];
	struct user_msghdr message;

	if (shape == CALL_UNSEEN)
		return 0;
	if (shape == CALL_BUFFER)
		return read_buffer(payload, (const void *)call->arguments[1], most);
	if (shape == CALL_MESSAGE) {
		if (bpf_probe_read_user(&message, sizeof(message), (const void *)call->arguments[1])) {
			count(SONDE_COUNT_UNREADABLE);
			return 0;
		}
		vector = message.msg_iov;
		segments = message.msg_iovlen;
	}
	return read_vector(payload, vector, segments, most);
}

/* Nothing is told of this call. */
static __always_inline int pass_over(struct sock *sk, struct sonde_socket_state *state, __u8 direction, bool direct)
{
	if (direction == SONDE_INGRESS)
		close_when_read(sk, state, direct);
	return 0;
}

/* The call is of a socket that nobody wants to see now. */
static __always_inline int filter(struct sock *sk, struct sonde_socket_state *state, __u8 direction, bool direct)
{
	count(SONDE_COUNT_FILTERED);
	return pass_over(sk, state, direction, direct);
}

/* `direct`: how fields are read (lib/read.h). `call` is followed, has moved `moved` > 0 bytes, and is not of an excluded process. */
static __always_inline int handle_call(const struct sonde_call *call, long moved, bool direct)
{
	struct call_kind kind = kind_of_call(call->nr);
	__u64 pid_tgid = bpf_get_current_pid_tgid(), flags = receive_flags(call), captured, now;
	__u32 fd = call->arguments[0], zero = 0, sequence, ports;
	struct sonde_socket_state *state;
	struct sonde_scratch *event;
	struct sock *sk;

	if (kind.shape == CALL_MAPPING)
		return file_mapped(call, direct);
	if (flags & MSG_BESIDE)
		return 0;
	if (flags & MSG_TRUNC)
		kind.shape = CALL_UNSEEN;
	sk = inet_socket_of_fd(fd, direct);
	if (!sk && call->nr == NR_SPLICE) {
		fd = call->arguments[2];
		kind.direction = SONDE_EGRESS;
		sk = inet_socket_of_fd(fd, direct);
	}
	if (!sk || is_compat_call(direct))
		return 0;
	if (READ(direct, sk, sk_protocol) == IPPROTO_UDP)
		return handle_datagrams(call, kind, sk, moved, direct);
	/* Hardly anyone uses these on a stream. */
	if (kind.shape == CALL_MESSAGES)
		return 0;
	ports = ports_of(sk, direct);
	state = socket_state(sk, ports);
	if (!state)
		return 0;
	own(state, pid_tgid >> 32);
	if (is_excluded_socket(state))
		return 0;
	if (state->protocol != SONDE_VERDICT_LEAVE)
		hear_verdict(sk, state, false);
	if (state->is_tls)
		tls_moved(sk, state, fd, kind.direction, moved);
	if (state->protocol == SONDE_VERDICT_LEAVE)
		return filter(sk, state, kind.direction, direct);
	event = bpf_map_lookup_elem(&scratch, &zero);
	if (!event)
		return 0;

	sequence = first_sequence(sk, state, kind.direction, moved, pid_tgid, direct);
	if (state->protocol == L7_UNKNOWN && is_waiting(state))
		return filter(sk, state, kind.direction, direct);
	/* Bytes that cannot be seen only matter to those who saw the ones before. */
	if (kind.shape == CALL_UNSEEN && !state->delivered)
		return 0;
	now = bpf_ktime_get_ns();
	if (!within_budget(event, pid_tgid >> 32, now))
		return pass_over(sk, state, kind.direction, direct);
	captured = read_payload(event->payload, call, kind.shape, payload_length(state->protocol, moved));
	if (!state->is_tls && looks_tls(event->payload, captured)) {
		state->is_tls = 1;
		tls_moved(sk, state, fd, kind.direction, moved);
	}
	event->head.is_tls = 0;
	read_addresses(sk, &event->head, direct);
	if (state->protocol == L7_UNKNOWN && !recognise(state, event, captured, ports))
		return 0;
	state->delivered = 1;

	event->head.kind = SONDE_EVENT_DATA;
	event->head.captured = captured;
	event->head.time_ns = now;
	event->head.socket = (__u64)sk;
	event->head.tgid = pid_tgid >> 32;
	event->head.tid = (__u32)pid_tgid;
	event->head.fd = fd;
	event->head.length = moved;
	event->head.tcp_seq = sequence;
	event->head.local_port = ports >> 16;
	event->head.remote_port = ports & 0xffff;
	event->head.direction = kind.direction;
	event->head.role = state->role;
	event->head.protocol = state->protocol;
	event->head.generation = state->generation;
	event->head.netns = state->netns;
	event->head.transport = IPPROTO_TCP;
	event->head.coroutine = caller_of(state, kind.direction, coroutine_of(call));
	event->head.number = ++state->numbered;
	event->head.waits = READ(direct, current_task(direct), nvcsw);
	bpf_get_current_comm(event->head.comm, sizeof(event->head.comm));

	BOUND(captured);
	if (bpf_ringbuf_output(&events, event, sizeof(event->head) + captured, BPF_RB_NO_WAKEUP)) {
		count(SONDE_COUNT_RING_FULL);
	} else {
		count(SONDE_COUNT_DELIVERED);
		count_by(SONDE_COUNT_DELIVERED_BYTES, captured);
		if (state->protocol == L7_UNKNOWN) {
			state->offers++;
			count(SONDE_COUNT_OFFERED);
		}
	}
	if (kind.direction == SONDE_INGRESS)
		close_when_read(sk, state, direct);
	return 0;
}
