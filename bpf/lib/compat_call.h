/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What system calls moved and which sockets they were of, on kernels that do not tell where their structures have what: no structure of
 * the kernel is read. A connection is a descriptor of a process, from the call that made it to the one that closes it; user space
 * finds its addresses in /proc. What a call says of its peer is kept for connections that are over before user space looks.
 */
#pragma once

#define NR_CLOSE 3
#define NR_CONNECT 42
#define NR_ACCEPT 43
#define NR_SENDMSG 46
#define NR_ACCEPT4 288
#define EINPROGRESS 115

/* Segments of a vector that are read. */
#define COMPAT_SEGMENTS 4

/* In 42 bits that lie as those of a socket's address do: 22 of the process, 20 of the descriptor. */
static __always_inline __u64 descriptor_key(__u32 fd)
{
	return ((bpf_get_current_pid_tgid() >> 32) << 20 | (fd & 0xfffff)) << 6;
}

static __always_inline __u32 payload_limit(void)
{
	__u32 zero = 0;
	struct sonde_settings *set = bpf_map_lookup_elem(&settings, &zero);

	return set ? set->payload_bytes : 0;
}

/* The verifier of these kernels must see that a length is not 0, nor larger than there is room: 1 to 4096. */
#define BOUND_LENGTH(n) asm volatile("%0 += -1\n%0 &= 0xfff\n%0 += 1" : "+r"(n))

/* Copies up to `most` bytes behind `at`; the number copied. */
static __always_inline __u64 read_segment(__u8 *payload, __u64 at, const void *from, __u64 most)
{
	__u64 wanted = most;

	if (wanted == 0)
		return 0;
	asm volatile("%0 &= 0xfff" : "+r"(at));
	BOUND_LENGTH(wanted);
	if (bpf_probe_read(payload + at, wanted, from)) {
		count(SONDE_COUNT_UNREADABLE);
		return 0;
	}
	return wanted;
}

static __always_inline __u64 read_moved(__u8 *payload, const struct sonde_call *call, __u8 shape, __u64 moved)
{
	const struct iovec *vector = (const struct iovec *)call->arguments[1];
	__u64 most = payload_limit(), segments = call->arguments[2], copied = 0;
	struct user_msghdr message = {};

	if (moved < most)
		most = moved;
	if (shape == CALL_UNSEEN)
		return 0;
	if (shape == CALL_BUFFER)
		return read_segment(payload, 0, (const void *)call->arguments[1], most);
	if (shape == CALL_MESSAGE) {
		if (bpf_probe_read(&message, sizeof(message), (const void *)call->arguments[1])) {
			count(SONDE_COUNT_UNREADABLE);
			return 0;
		}
		vector = message.msg_iov;
		segments = message.msg_iovlen;
	}
#pragma unroll
	for (int i = 0; i < COMPAT_SEGMENTS; i++) {
		struct iovec segment = {};
		__u64 n;

		if (i >= segments || copied >= most || bpf_probe_read(&segment, sizeof(segment), vector + i))
			break;
		n = segment.iov_len < most - copied ? segment.iov_len : most - copied;
		if (n && read_segment(payload, copied, segment.iov_base, n) == 0)
			break;
		copied += n;
	}
	return copied;
}

/* Which of the programs, one after the other, that have the number of the current process; kept in what is known of a socket. */
static __always_inline __u64 current_life(void)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	__u64 *life = bpf_map_lookup_elem(&lives, &tgid);

	return life ? *life : 0;
}

/* A connection begins: what was known of the descriptor belongs to an earlier one. */
static __always_inline void connection_begins(__u32 fd, const void *name, __u8 role)
{
	__u64 key = descriptor_key(fd);
	struct sonde_socket_state state = { .generation = (__u32)(bpf_ktime_get_ns() >> 12), .role = role };
	struct user_address address = {};
	struct sonde_peer peer = {};

	/* One of IPv4 is shorter, and may lie at the end of what can be read. */
	if (name && bpf_probe_read(&address, sizeof(address), name))
		bpf_probe_read(&address, sizeof(address) - sizeof(address.ipv6), name);
	if (name && address.family != AF_INET && address.family != AF_INET6)
		return;
	if (address.family == AF_INET) {
		peer.ip[10] = 0xff;
		peer.ip[11] = 0xff;
		__builtin_memcpy(peer.ip + 12, &address.ipv4, 4);
		peer.is_ipv4 = 1;
	} else if (address.family == AF_INET6) {
		__builtin_memcpy(peer.ip, address.ipv6, sizeof(peer.ip));
		peer.is_ipv4 = peer.ip[10] == 0xff && peer.ip[11] == 0xff;
	}
	peer.port = bpf_ntohs(address.port);
	state.ports = role == SONDE_ROLE_CLIENT ? peer.port : 0;
	state.tls_session = current_life();
	bpf_map_update_elem(&sockets, &key, &state, BPF_ANY);
	bpf_map_update_elem(&peers, &key, &peer, BPF_ANY);
}

static __always_inline void connection_ends(void *ctx, __u32 fd)
{
	__u64 key = descriptor_key(fd);
	struct sonde_socket_state *state = bpf_map_lookup_elem(&sockets, &key);

	bpf_map_delete_elem(&descriptors, &key);
	if (!state)
		return;
	if (state->delivered) {
		struct sonde_socket_close event = {
			.kind = SONDE_EVENT_CLOSE,
			.generation = state->generation,
			.time_ns = bpf_ktime_get_ns(),
			.socket = key,
		};

		if (bpf_perf_event_output(ctx, &events, BPF_F_CURRENT_CPU, &event, sizeof(event)))
			count(SONDE_COUNT_RING_FULL);
	}
	bpf_map_delete_elem(&sockets, &key);
	bpf_map_delete_elem(&peers, &key);
}

/* Calls that are only made of sockets; others must be known to be of one. */
static __always_inline bool is_of_socket(__u64 nr)
{
	return nr == NR_SENDTO || nr == NR_RECVFROM || nr == NR_SENDMSG || nr == NR_RECVMSG;
}

static __always_inline struct sonde_socket_state *descriptor_state(__u64 key, __u64 nr)
{
	struct sonde_socket_state *known = bpf_map_lookup_elem(&sockets, &key), fresh = {};
	__u64 life = current_life();

	if (known && known->tls_session == life)
		return known;
	if (known)
		bpf_map_delete_elem(&peers, &key);
	if (!is_of_socket(nr) && !bpf_map_lookup_elem(&descriptors, &key))
		return 0;
	fresh.generation = (__u32)(bpf_ktime_get_ns() >> 12);
	fresh.tls_session = life;
	if (bpf_map_update_elem(&sockets, &key, &fresh, BPF_ANY)) {
		count(SONDE_COUNT_SOCKETS_FULL);
		return 0;
	}
	return bpf_map_lookup_elem(&sockets, &key);
}

static __always_inline int bytes_moved(void *ctx, const struct sonde_call *call, __u64 moved)
{
	struct call_kind kind = kind_of_call(call->nr);
	__u64 id = bpf_get_current_pid_tgid(), flags = receive_flags(call), captured, size;
	__u64 key = descriptor_key(call->arguments[0]);
	struct sonde_socket_state *state;
	struct sonde_scratch *event;
	struct sonde_peer *peer;
	__u32 zero = 0;

	if (flags & MSG_BESIDE || kind.shape == CALL_MESSAGES || kind.shape == CALL_MAPPING)
		return 0;
	if (flags & MSG_TRUNC)
		kind.shape = CALL_UNSEEN;
	state = descriptor_state(key, call->nr);
	if (!state)
		return 0;
	if (state->protocol != SONDE_VERDICT_LEAVE)
		hear_verdict((struct sock *)key, state, false);
	if (state->protocol == SONDE_VERDICT_LEAVE || (state->protocol == L7_UNKNOWN && is_waiting(state))) {
		count(SONDE_COUNT_FILTERED);
		return 0;
	}
	if (kind.shape == CALL_UNSEEN && !state->delivered)
		return 0;
	event = bpf_map_lookup_elem(&scratch, &zero);
	if (!event)
		return 0;
	captured = read_moved(event->payload, call, kind.shape, moved);
	__builtin_memset(&event->head, 0, sizeof(event->head));
	peer = bpf_map_lookup_elem(&peers, &key);
	if (peer) {
		__builtin_memcpy(event->head.remote_ip, peer->ip, sizeof(peer->ip));
		event->head.remote_port = peer->port;
		event->head.is_ipv4 = peer->is_ipv4;
	}
	if (state->protocol == L7_UNKNOWN && !recognise(state, event, captured, state->ports))
		return 0;
	state->delivered = 1;
	event->head.kind = SONDE_EVENT_DATA;
	event->head.captured = captured;
	event->head.time_ns = bpf_ktime_get_ns();
	event->head.socket = key;
	event->head.tgid = id >> 32;
	event->head.tid = (__u32)id;
	event->head.fd = call->arguments[0];
	event->head.length = moved;
	event->head.direction = kind.direction;
	event->head.role = state->role;
	event->head.protocol = state->protocol;
	event->head.generation = state->generation;
	event->head.transport = IPPROTO_TCP;
	bpf_get_current_comm(event->head.comm, sizeof(event->head.comm));
	size = sizeof(event->head) + captured;
	/* At most 8,192: header and payload are less. */
	asm volatile("%0 += -1\n%0 &= 0x1fff\n%0 += 1" : "+r"(size));
	if (bpf_perf_event_output(ctx, &events, BPF_F_CURRENT_CPU, event, size)) {
		count(SONDE_COUNT_RING_FULL);
		return 0;
	}
	count(SONDE_COUNT_DELIVERED);
	count_by(SONDE_COUNT_DELIVERED_BYTES, captured);
	if (state->protocol == L7_UNKNOWN) {
		state->offers++;
		count(SONDE_COUNT_OFFERED);
	}
	return 0;
}
