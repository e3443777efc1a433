/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * TCP sequence numbers of the bytes that a call moved. The socket's counters are read when the call is over, so they may count
 * more than this call: another thread's bytes, a FIN, record headers of kernel TLS. User space drops what a number says it has
 * seen, so a number is exact or it is 0. Exact for certain is one that continues what was seen before; the
 * fields that explain a jump are only read when there is one.
 */
#pragma once

/* Nothing but payload moves the counter of this direction. An urgent byte does, but only in front of what a call reads. */
static __always_inline bool counts_payload_only(struct sock *sk, __u8 direction, bool direct)
{
	__u8 state;

	if (READ(direct, (struct inet_connection_sock *)sk, icsk_ulp_ops))
		return false;
	if (direction == SONDE_INGRESS)
		return true;
	state = READ(direct, sk, __sk_common.skc_state);
	return state == TCP_ESTABLISHED || state == TCP_CLOSE_WAIT;
}

/* The sequence number of the first of `moved` bytes that this thread just sent or received; 0 when it is not certain. */
static __always_inline __u32 first_sequence(struct sock *sk, struct sonde_socket_state *state, __u8 direction, __u32 moved,
					    __u32 thread, bool direct)
{
	struct sonde_stream *stream = direction == SONDE_EGRESS ? &state->sent : &state->received;
	__u32 end = direction == SONDE_EGRESS ? READ(direct, (struct tcp_sock *)sk, write_seq) :
						READ(direct, (struct tcp_sock *)sk, copied_seq);
	__u32 first = end - moved, next = stream->next;
	bool is_exact = next && first == next;

	if (stream->thread != thread) {
		if (stream->thread)
			state->shared |= 1 << direction;
		stream->thread = thread;
	}
	if (!is_exact) {
		if (direction == SONDE_INGRESS && has_read_fin(sk, direct)) {
			end--;
			first--;
		}
		/* A jump ahead of one thread alone: bytes moved by a call that is not followed. */
		is_exact = (next && first == next) ||
			   ((!next || (__s32)(first - next) > 0) && !(state->shared & 1 << direction) &&
			    counts_payload_only(sk, direction, direct));
	}
	if (!next || (__s32)(end - next) > 0)
		stream->next = end;
	return is_exact ? first : 0;
}
