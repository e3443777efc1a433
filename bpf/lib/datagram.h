/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Datagrams. Each is whole, and told or summed with both of its ends, of which that of an unconnected socket's peer lies in the caller's
 * memory. Those of DNS and its relatives are known by their port: each becomes an event, without any state. What becomes of others is up to
 * lib/datagram_socket.h.
 */
#pragma once

/* Of one sendmmsg or recvmmsg; further ones are not seen. A resolver asks for A and AAAA in one call. */
#define SONDE_MAX_MESSAGES 4

/* DNS, multicast DNS, LLMNR */
static __always_inline bool is_dns_port(__u16 port)
{
	return port == 53 || port == 5353 || port == 5355;
}

/* Where the peer's address lies in the caller's memory, of several messages that of the first; NULL when it was not asked for. */
static __always_inline const void *peer_name(const struct sonde_call *call, __u8 shape)
{
	const void *name = 0;

	if (call->nr == NR_SENDTO || call->nr == NR_RECVFROM)
		return (const void *)call->arguments[4];
	/* It is the first field. */
	if ((shape == CALL_MESSAGE || shape == CALL_MESSAGES) &&
	    bpf_probe_read_user(&name, sizeof(name), (const void *)call->arguments[1]))
		return 0;
	return name;
}

static __always_inline bool has_dns_port(const void *name)
{
	__be16 family_and_port[2];

	return name && bpf_probe_read_user(family_and_port, sizeof(family_and_port), name) == 0 &&
	       is_dns_port(bpf_ntohs(family_and_port[1]));
}

/* Writes the peer from an address in user memory. */
static __always_inline void read_peer(struct sonde_socket_data *head, const void *name)
{
	struct user_address address = {};

	head->remote_port = 0;
	/* One of IPv4 is shorter, and may lie at the end of what can be read. */
	if (!name || (bpf_probe_read_user(&address, sizeof(address), name) &&
		      bpf_probe_read_user(&address, sizeof(address) - sizeof(address.ipv6), name)))
		return;
	if (address.family == AF_INET) {
		map_ipv4(head->remote_ip, address.ipv4);
		head->is_ipv4 = 1;
	} else if (address.family == AF_INET6) {
		__builtin_memcpy(head->remote_ip, address.ipv6, sizeof(head->remote_ip));
		head->is_ipv4 = head->remote_ip[10] == 0xff && head->remote_ip[11] == 0xff;
	} else {
		return;
	}
	head->remote_port = bpf_ntohs(address.port);
}

/*
 * One datagram whose payload lies in the segments of `message`; `event` has everything but the peer of an unconnected socket. `is_wanted`:
 * user space wants to see it, whatever its ports. The bytes that were copied: a result that nobody looks at is not made, and leaves what is no
 * number to the caller, which the verifier refuses.
 */
static __noinline __u64 datagram(struct sonde_scratch *event, const struct user_msghdr *message, __u32 length, bool is_connected,
			       bool is_wanted)
{
	__u64 captured, most = payload_bytes;

	if (!event || !message)
		return 0;
	if (!is_connected)
		read_peer(&event->head, message->msg_name);
	if (!is_dns_port(event->head.remote_port) && !is_dns_port(event->head.local_port)) {
		sum_datagram(event, length);
		if (!is_wanted)
			return 0;
	} else {
		event->head.protocol = L7_DNS;
		event->head.generation = 0;
	}
	if (event->head.remote_port == 0)
		return 0;
	if (!within_budget(event, event->head.tgid, event->head.time_ns))
		return 0;
	if (length < most)
		most = length;
	/* Without a length, the first is the buffer itself. */
	captured = message->msg_iovlen ? read_vector(event->payload, message->msg_iov, message->msg_iovlen, most) :
					 read_buffer(event->payload, message->msg_iov, most);
	event->head.captured = captured;
	event->head.length = length;
	BOUND(captured);
	if (bpf_ringbuf_output(&events, event, sizeof(event->head) + captured, BPF_RB_NO_WAKEUP)) {
		count(SONDE_COUNT_RING_FULL);
	} else {
		count(SONDE_COUNT_DELIVERED);
		count_by(SONDE_COUNT_DELIVERED_BYTES, captured);
		if (event->head.protocol == L7_UNKNOWN)
			count(SONDE_COUNT_OFFERED);
	}
	return captured;
}

/* `call` moved `moved` bytes over this UDP socket, or so many messages. */
static __always_inline int handle_datagrams(const struct sonde_call *call, struct call_kind kind, struct sock *sk, __u64 moved,
					    bool direct)
{
	__u32 ports = ports_of(sk, direct), zero = 0;
	__u16 local = ports >> 16, remote = ports;
	struct user_msghdr message = {};
	struct sonde_scratch *event;
	bool is_dns, is_wanted = false;
	__u64 pid_tgid, captured = 0;
	const void *name;

	if (kind.shape == CALL_UNSEEN)
		return 0;
	event = bpf_map_lookup_elem(&scratch, &zero);
	if (!event)
		return 0;
	pid_tgid = bpf_get_current_pid_tgid();
	event->head.kind = SONDE_EVENT_DATA;
	event->head.time_ns = bpf_ktime_get_ns();
	event->head.socket = (__u64)sk;
	event->head.tgid = pid_tgid >> 32;
	event->head.tid = (__u32)pid_tgid;
	event->head.fd = call->arguments[0];
	event->head.tcp_seq = 0;
	event->head.local_port = local;
	event->head.remote_port = remote;
	event->head.direction = kind.direction;
	event->head.role = SONDE_ROLE_UNKNOWN;
	event->head.is_tls = 0;
	event->head.netns = netns_of(sk);
	event->head.transport = IPPROTO_UDP;
	event->head.number = 0;
	name = remote ? 0 : peer_name(call, kind.shape);
	is_dns = is_dns_port(local) || (remote ? is_dns_port(remote) : has_dns_port(name));
	/* Without both ends nothing is read. */
	if (!is_dns && (remote || name))
		is_wanted = wants_datagrams(&event->head);
	if (is_dns || is_wanted) {
		event->head.coroutine = coroutine_of(call);
		event->head.waits = READ(direct, current_task(direct), nvcsw);
	} else {
		event->head.coroutine = 0;
		event->head.waits = 0;
	}
	read_addresses(sk, &event->head, direct);
	bpf_get_current_comm(event->head.comm, sizeof(event->head.comm));

	if (kind.shape == CALL_BUFFER) {
		message.msg_name = (void *)name;
		message.msg_iov = (struct iovec *)call->arguments[1];
		captured = datagram(event, &message, moved, remote != 0, is_wanted);
	} else if (kind.shape == CALL_VECTOR) {
		message.msg_iov = (struct iovec *)call->arguments[1];
		message.msg_iovlen = call->arguments[2];
		captured = datagram(event, &message, moved, remote != 0, is_wanted);
	} else if (kind.shape == CALL_MESSAGE) {
		if (bpf_probe_read_user(&message, sizeof(message), (const void *)call->arguments[1]) == 0)
			captured = datagram(event, &message, moved, remote != 0, is_wanted);
	} else if (kind.shape == CALL_MESSAGES) {
		const struct user_mmsghdr *messages = (const struct user_mmsghdr *)call->arguments[1];

		for (int i = 0; i < SONDE_MAX_MESSAGES && i < moved; i++) {
			__u32 length = 0;

			if (bpf_probe_read_user(&message, sizeof(message), &messages[i].message) ||
			    bpf_probe_read_user(&length, sizeof(length), &messages[i].length))
				break;
			captured += datagram(event, &message, length, remote != 0, is_wanted);
		}
		if (moved > SONDE_MAX_MESSAGES)
			count_by(SONDE_COUNT_DATAGRAMS_UNSEEN, moved - SONDE_MAX_MESSAGES);
	}
	asm volatile("" ::"r"(captured));
	return 0;
}
