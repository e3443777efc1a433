/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#pragma once

/* Segments of a vector that are read; what lies in further ones counts as not captured. */
#define SONDE_MAX_SEGMENTS 8

/* Keeps the verifier's knowledge of a bound that clang would optimise away (clang 14, cpu v3). */
#define BOUND(n) asm volatile("%0 &= 0xfff" : "+r"(n))

/*
 * How many of the bytes that a call moved are taken, below SONDE_PAYLOAD_MAX. Where many messages go with one call, of brokers, streams of one connection, and
 * pipelines, all that are cut off are lost: more is taken.
 */
static __always_inline __u64 payload_length(__u8 protocol, __u64 moved)
{
	__u64 most = payload_bytes;

	if (protocol == L7_HTTP2 || protocol == L7_REDIS || (protocol >= L7_FIRST_MESSAGING && protocol <= L7_LAST_MESSAGING))
		most *= 4;
	if (most >= SONDE_PAYLOAD_MAX)
		most = SONDE_PAYLOAD_MAX - 1;
	return moved < most ? moved : most;
}

/* Copies up to `most` (< 4096) bytes of one buffer; the number copied. */
static __always_inline __u64 read_buffer(__u8 *payload, const void *buffer, __u64 most)
{
	BOUND(most);
	if (most == 0)
		return 0;
	if (bpf_probe_read_user(payload, most, buffer)) {
		count(SONDE_COUNT_UNREADABLE);
		return 0;
	}
	return most;
}

/* The same over a vector of segments, up to the first that cannot be read. */
static __always_inline __u64 read_vector(__u8 *payload, const struct iovec *vector, __u64 segments, __u64 most)
{
	__u64 copied = 0;

#pragma unroll
	for (int i = 0; i < SONDE_MAX_SEGMENTS; i++) {
		struct iovec segment;
		__u64 n, at;

		if (i >= segments || copied >= most)
			break;
		if (bpf_probe_read_user(&segment, sizeof(segment), vector + i)) {
			count(SONDE_COUNT_UNREADABLE);
			break;
		}
		n = segment.iov_len;
		if (n > most - copied)
			n = most - copied;
		if (n == 0)
			continue;
		at = copied;
		BOUND(at);
		BOUND(n);
		if (bpf_probe_read_user(payload + at, n, segment.iov_base)) {
			count(SONDE_COUNT_UNREADABLE);
			break;
		}
		copied += n;
	}
	return copied;
}
