/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Copies the bytes a system call moved out of the program's memory, up to eight iovecs in a row. */
#pragma once

#include "../maps/counters.h"
#include "../maps/scratch.h"
#include "socket_call.h"

#define SONDE_MAX_IOVECS 8

/* Keeps the bound where the verifier sees it: clang would fold or move a plain comparison. */
#define SONDE_CLAMP(value, limit)                                                                                       \
	do {                                                                                                            \
		asm volatile("" : "+r"(value));                                                                         \
		if ((value) > (limit))                                                                                  \
			(value) = (limit);                                                                              \
		asm volatile("" : "+r"(value));                                                                         \
	} while (0)

static __always_inline __u64 sonde_gather_iovecs(struct sonde_scratch *out, const struct iovec *vector, __u64 count,
						 __u64 wanted)
{
	__u64 at = 0;

	for (__u32 i = 0; i < SONDE_MAX_IOVECS; i++) {
		struct iovec part;
		__u64 size = wanted - at;

		if (i >= count || at >= wanted)
			break;
		if (bpf_probe_read_user(&part, sizeof(part), vector + i)) {
			sonde_count(SONDE_COUNTER_READ_FAULTS, 1);
			break;
		}
		if (part.iov_len < size)
			size = part.iov_len;
		if (size == 0)
			continue;
		if (at >= SONDE_PAYLOAD_MAX)
			break;
		SONDE_CLAMP(size, SONDE_PAYLOAD_MAX);
		if (bpf_probe_read_user(out->payload + at, size, part.iov_base)) {
			sonde_count(SONDE_COUNTER_READ_FAULTS, 1);
			break;
		}
		at += size;
	}
	return at;
}

/* Returns how many of `wanted` bytes (at most SONDE_PAYLOAD_MAX) are in `out` now. */
static __always_inline __u64 sonde_gather(struct sonde_scratch *out, const struct sonde_call *call, __u64 wanted)
{
	if (call->shape == SONDE_SHAPE_BUFFER) {
		SONDE_CLAMP(wanted, SONDE_PAYLOAD_MAX);
		if (!bpf_probe_read_user(out->payload, wanted, (void *)call->buffer))
			return wanted;
		sonde_count(SONDE_COUNTER_READ_FAULTS, 1);
		return 0;
	}
	if (call->shape == SONDE_SHAPE_IOVEC)
		return sonde_gather_iovecs(out, (void *)call->buffer, call->count, wanted);
	return 0;
}
