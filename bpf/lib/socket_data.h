/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* From a finished system call to an event: is it a TCP socket we follow, what did it move, does user space want it. */
#pragma once

/* Most payload bytes delivered of one system call; below SONDE_PAYLOAD_MAX. */
const volatile __u32 payload_bytes = 1024;

enum call_shape { CALL_BUFFER, CALL_VECTOR, CALL_MESSAGE };

struct call_kind {
	__u8 is_followed;
	__u8 direction; /* sonde_direction */
	__u8 shape;     /* call_shape: what the second argument points to */
};

#if defined(__TARGET_ARCH_x86)
static __always_inline struct call_kind kind_of_call(__u64 nr)
{
	switch (nr) {
	case 0: /* read */
	case 45: /* recvfrom */
		return (struct call_kind){ 1, SONDE_INGRESS, CALL_BUFFER };
	case 1: /* write */
	case 44: /* sendto */
		return (struct call_kind){ 1, SONDE_EGRESS, CALL_BUFFER };
	case 19: /* readv */
		return (struct call_kind){ 1, SONDE_INGRESS, CALL_VECTOR };
	case 20: /* writev */
		return (struct call_kind){ 1, SONDE_EGRESS, CALL_VECTOR };
	case 47: /* recvmsg */
		return (struct call_kind){ 1, SONDE_INGRESS, CALL_MESSAGE };
	case 46: /* sendmsg */
		return (struct call_kind){ 1, SONDE_EGRESS, CALL_MESSAGE };
	}
	return (struct call_kind){};
}
#else
#error "system call numbers of this architecture are not written down yet"
#endif

/* Flags of recv*: a look ahead moves nothing. */
#define MSG_PEEK 2

static __always_inline bool is_excluded(__u32 tgid, struct sock *sk)
{
	__u16 local = BPF_CORE_READ(sk, __sk_common.skc_num);
	__u16 remote = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));

	return bpf_map_lookup_elem(&excluded_tgids, &tgid) || bpf_map_lookup_elem(&excluded_ports, &local) ||
	       bpf_map_lookup_elem(&excluded_ports, &remote);
}

static __always_inline int handle_call(const struct sonde_call *call, long moved)
{
	struct call_kind kind = kind_of_call(call->nr);
	__u64 pid_tgid = bpf_get_current_pid_tgid();
	__u64 most = payload_bytes, captured;
	struct sonde_socket_state *state;
	struct sonde_scratch *event;
	struct sock *sk;
	__u32 zero = 0, sequence;
	__u8 protocol;

	if (!kind.is_followed || moved <= 0)
		return 0;
	sk = tcp_socket_of_fd(call->fd);
	if (!sk)
		return 0;
	if (is_excluded(pid_tgid >> 32, sk)) {
		count(SONDE_COUNT_EXCLUDED);
		return 0;
	}
	state = socket_state(sk);
	if (!state)
		return 0;
	if (state->protocol == L7_UNKNOWN && state->misses >= SONDE_MAX_MISSES) {
		count(SONDE_COUNT_FILTERED);
		return 0;
	}
	event = bpf_map_lookup_elem(&scratch, &zero);
	if (!event)
		return 0;

	if ((__u64)moved < most)
		most = moved;
	if (kind.shape == CALL_BUFFER) {
		captured = read_buffer(event->payload, (const void *)call->buffer, most);
	} else {
		struct user_msghdr message;
		const struct iovec *vector = (const struct iovec *)call->buffer;
		__u64 segments = call->count;

		if (kind.shape == CALL_MESSAGE) {
			if (bpf_probe_read_user(&message, sizeof(message), (const void *)call->buffer)) {
				count(SONDE_COUNT_UNREADABLE);
				return 0;
			}
			vector = message.msg_iov;
			segments = message.msg_iovlen;
		}
		captured = read_vector(event->payload, vector, segments, most);
	}

	protocol = infer_protocol(event->payload, captured);
	if (state->protocol == L7_UNKNOWN) {
		if (protocol == L7_UNKNOWN) {
			state->misses++;
			count(SONDE_COUNT_UNKNOWN);
			return 0;
		}
		state->protocol = protocol;
	}
	state->delivered = 1;

	event->head.kind = SONDE_EVENT_DATA;
	event->head.captured = captured;
	event->head.time_ns = bpf_ktime_get_ns();
	event->head.socket = (__u64)sk;
	event->head.tgid = pid_tgid >> 32;
	event->head.tid = (__u32)pid_tgid;
	event->head.fd = call->fd;
	event->head.length = moved;
	sequence = kind.direction == SONDE_EGRESS ? BPF_CORE_READ((struct tcp_sock *)sk, write_seq) :
						    BPF_CORE_READ((struct tcp_sock *)sk, copied_seq);
	event->head.tcp_seq = sequence - (__u32)moved;
	event->head.local_port = state->ports >> 16;
	event->head.remote_port = state->ports & 0xffff;
	event->head.direction = kind.direction;
	event->head.role = state->role;
	event->head.protocol = state->protocol;
	event->head.generation = state->generation;
	read_addresses(sk, &event->head);
	bpf_get_current_comm(event->head.comm, sizeof(event->head.comm));

	BOUND(captured);
	if (bpf_ringbuf_output(&events, event, sizeof(event->head) + captured, BPF_RB_NO_WAKEUP)) {
		count(SONDE_COUNT_RING_FULL);
		return 0;
	}
	count(SONDE_COUNT_DELIVERED);
	count_by(SONDE_COUNT_DELIVERED_BYTES, captured);
	return 0;
}

#if defined(__TARGET_ARCH_x86)
/*
 * At exit the registers still hold the arguments: the kernel keeps di, si, dx, r10 and orig_ax of the entry. A recv with
 * MSG_PEEK moves nothing.
 */
static __always_inline int handle_exit(struct pt_regs *regs, long moved)
{
	struct sonde_call call = { .nr = BPF_CORE_READ(regs, orig_ax) };

	if (moved <= 0 || !kind_of_call(call.nr).is_followed)
		return 0;
	call.fd = BPF_CORE_READ(regs, di) & 0xffffffff;
	call.buffer = BPF_CORE_READ(regs, si);
	call.count = BPF_CORE_READ(regs, dx);
	if (call.nr == 45 && (BPF_CORE_READ(regs, r10) & MSG_PEEK))
		return 0;
	if (call.nr == 47 && (call.count & MSG_PEEK))
		return 0;
	return handle_call(&call, moved);
}
#endif
