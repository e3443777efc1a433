/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Datagrams whose protocol no port tells: each is added to the sum of its socket and peer, which user space takes once a second. The first
 * of a socket are also offered to it as events; it hears more of them where it says that it reads their protocol.
 */
#pragma once

/* Calls of one socket that are offered: a server's first peers, or all of a client that asks one question. */
#define SONDE_MAX_DATAGRAM_OFFERS 4

/* What is known of the socket, made when it is new to us. */
static __always_inline struct sonde_datagram_socket *datagram_socket(const struct sonde_socket_data *head)
{
	__u64 key = head->socket;
	struct sonde_datagram_socket *known = bpf_map_lookup_elem(&datagram_sockets, &key);
	struct sonde_datagram_socket fresh = { .local_port = head->local_port };

	if (known && known->local_port == head->local_port)
		return known;
	fresh.generation = new_generation();
	if (bpf_map_update_elem(&datagram_sockets, &key, &fresh, BPF_ANY))
		return 0;
	return bpf_map_lookup_elem(&datagram_sockets, &key);
}

/* Takes a verdict that came since it was last looked for: each time while more is offered, then now and then. */
static __always_inline void hear_datagram_verdict(const struct sonde_socket_data *head, struct sonde_datagram_socket *known)
{
	struct sonde_socket_key key = { .socket = head->socket, .generation = known->generation };
	__u8 *verdict;

	if (known->offers == 0)
		return;
	if (known->offers >= SONDE_MAX_DATAGRAM_OFFERS && !looks_again(&known->calls))
		return;
	verdict = bpf_map_lookup_elem(&verdicts, &key);
	if (!verdict)
		return;
	known->protocol = *verdict;
	known->offers = SONDE_MAX_DATAGRAM_OFFERS;
	bpf_map_delete_elem(&verdicts, &key);
}

/* Whether user space gets what this call moved, as its protocol or as an offer; `head` has the socket and its own port. */
static __always_inline bool wants_datagrams(struct sonde_socket_data *head)
{
	struct sonde_datagram_socket *known = datagram_socket(head);

	if (!known)
		return false;
	hear_datagram_verdict(head, known);
	head->generation = known->generation;
	head->protocol = known->protocol;
	if (known->protocol != L7_UNKNOWN)
		return known->protocol != SONDE_VERDICT_LEAVE;
	if (known->offers >= SONDE_MAX_DATAGRAM_OFFERS)
		return false;
	if (!take_offer(this_second())) {
		count(SONDE_COUNT_OFFERS_REFUSED);
		return false;
	}
	known->offers++;
	return true;
}

/* Adds one datagram of `length` bytes; `event` has its ends. */
static __always_inline void sum_datagram(const struct sonde_scratch *event, __u32 length)
{
	struct sonde_datagram_sum *sum, fresh = {};
	struct sonde_datagram_key key = {};

	key.socket = event->head.socket;
	key.tgid = event->head.tgid;
	key.local_port = event->head.local_port;
	key.remote_port = event->head.remote_port;
	__builtin_memcpy(key.remote_ip, event->head.remote_ip, sizeof(key.remote_ip));
	sum = bpf_map_lookup_elem(&datagram_sums, &key);
	if (!sum) {
		fresh.begun_ns = event->head.time_ns;
		fresh.is_asked = event->head.direction == SONDE_INGRESS;
		__builtin_memcpy(fresh.local_ip, event->head.local_ip, sizeof(fresh.local_ip));
		__builtin_memcpy(fresh.comm, event->head.comm, sizeof(fresh.comm));
		/* Another processor may be faster. */
		bpf_map_update_elem(&datagram_sums, &key, &fresh, BPF_NOEXIST);
		sum = bpf_map_lookup_elem(&datagram_sums, &key);
		if (!sum) {
			count(SONDE_COUNT_DATAGRAM_SUMS_FULL);
			return;
		}
	}
	if (event->head.direction == SONDE_EGRESS) {
		__sync_fetch_and_add(&sum->sent_bytes, length);
		__sync_fetch_and_add(&sum->sent, 1);
	} else {
		__sync_fetch_and_add(&sum->received_bytes, length);
		__sync_fetch_and_add(&sum->received, 1);
	}
	sum->last_ns = event->head.time_ns;
}
