/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Payloads of unknown protocol are offered to user space, which knows all protocols: few of a socket, bounded for a CPU. */
#pragma once

/* Of one socket: enough for most conversations until a verdict comes, which takes 5 to 50 ms. */
#define SONDE_MAX_OFFERS 64

/* 2^30 ns */
static __always_inline __u32 this_second(void)
{
	return (__u32)(bpf_ktime_get_ns() >> 30);
}

/* Takes one from the budget of this CPU; false when nothing is left of it. */
static __always_inline bool take_offer(__u32 second)
{
	__u32 zero = 0;
	struct sonde_offers *made = bpf_map_lookup_elem(&offers, &zero);

	if (!made)
		return false;
	if (made->second != second) {
		made->second = second;
		made->used = 0;
	}
	if (made->used >= offers_limit())
		return false;
	made->used++;
	return true;
}

/* Whether this payload of an unknown socket may be given away; refused once, it waits for the next second. */
static __always_inline bool may_offer(struct sonde_socket_state *state)
{
	__u32 second = this_second();

	if (take_offer(second))
		return true;
	state->refused_in = second;
	count(SONDE_COUNT_OFFERS_REFUSED);
	return false;
}

/* No more is offered of this socket, or not in this second. */
static __always_inline bool is_waiting(const struct sonde_socket_state *state)
{
	return state->offers >= SONDE_MAX_OFFERS || (state->refused_in && state->refused_in == this_second());
}
