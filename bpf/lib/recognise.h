/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#pragma once

/*
 * What becomes of a payload of a socket that is not recognised yet: true when it is delivered, by its protocol or as an offer.
 * `event` has its bytes and the addresses of both ends.
 */
static __always_inline bool recognise(struct sonde_socket_state *state, const struct sonde_scratch *event, __u64 length,
				      __u32 ports)
{
	__u8 server = state->is_begun ? L7_UNKNOWN : server_verdict(&event->head, state->netns, state->role, ports);
	__u8 protocol = server;

	state->is_begun = 1;
	/* What is certain is taken even where a server is left alone. */
	if (server == L7_UNKNOWN || server == SONDE_VERDICT_LEAVE)
		protocol = infer_protocol(event->payload, length) ?: server;
	state->protocol = protocol;
	if (protocol != L7_UNKNOWN)
		return protocol != SONDE_VERDICT_LEAVE;
	return may_offer(state);
}
