/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What user space sets before loading; what is not constant it also sets while programs run. */
#pragma once

/* Most payload bytes delivered of one system call; below SONDE_PAYLOAD_MAX. */
volatile __u32 payload_bytes = 1024;

/*
 * A connection without traffic is told of again after so many seconds. 0, for one read: all are told of, by which user space finds out
 * which are still there after it lost the ends of some.
 */
volatile __u32 flow_idle_seconds = 600;

/* Offers of one CPU in one second. */
const volatile __u32 offers_per_second = 4096;

/* 0: requests are not read, so that what joins them is not told. */
const volatile __u32 is_payload_read = 1;

static __always_inline __u32 offers_limit(void)
{
	return offers_per_second;
}
