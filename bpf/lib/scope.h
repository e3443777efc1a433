/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What is taken of a connection, for its ports: asked once for each, and again after user space said something else of ports. */
#pragma once

static __always_inline struct sonde_limits *current_limits(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&limits, &zero);
}

/* Nothing was said of a port. */
#define SONDE_SCOPE_UNSAID 255

static __always_inline __u8 said_of_port(__u16 port)
{
	__u8 *scope = bpf_map_lookup_elem(&excluded_ports, &port);

	return scope ? *scope : SONDE_SCOPE_UNSAID;
}

/* The least that was said of either end; where nothing was said of both, what counts for the rest. */
static __always_inline __u8 scope_of_ports(__u32 ports)
{
	__u8 one = said_of_port(ports >> 16), other = said_of_port(ports);
	struct sonde_limits *rest;

	if (one == SONDE_SCOPE_NONE || other == SONDE_SCOPE_NONE)
		return SONDE_SCOPE_NONE;
	if (one == SONDE_SCOPE_COUNTED || other == SONDE_SCOPE_COUNTED)
		return SONDE_SCOPE_COUNTED;
	if (one == SONDE_SCOPE_ALL || other == SONDE_SCOPE_ALL)
		return SONDE_SCOPE_ALL;
	rest = current_limits();
	return rest ? rest->other_ports : SONDE_SCOPE_ALL;
}

/* Whether the bytes of a connection are not to be looked at, for its ports. */
static __always_inline bool is_excluded_socket(struct sonde_socket_state *state)
{
	struct sonde_limits *now = current_limits();

	if (now && state->scope_epoch != now->epoch + 1) {
		state->scope_epoch = now->epoch + 1;
		state->scope = scope_of_ports(state->ports);
	}
	if (state->scope == SONDE_SCOPE_ALL)
		return false;
	count(SONDE_COUNT_EXCLUDED);
	return true;
}
