/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What user space said: of this socket, or of the server that it connects to. */
#pragma once

/*
 * A socket that needs no verdict now looks for one each time it has made so many calls (a power of two), and early, after 1, 2, 4, 8, 16 and 32: its
 * protocol may only have seemed to be certain, or the verdict have come late.
 */
#define SONDE_VERDICT_CALLS 64

static __always_inline bool looks_again(__u8 *made)
{
	__u32 calls = ++*made;

	return (calls & (SONDE_VERDICT_CALLS - 1)) == 0 || (calls & (calls - 1)) == 0;
}

/* Takes a verdict that came for this socket since its last call. One that will be left soon is asked for each time. */
static __always_inline void hear_verdict(struct sock *sk, struct sonde_socket_state *state, bool is_tls)
{
	struct sonde_socket_key key = { .socket = (__u64)sk, .generation = state->generation, .is_tls = is_tls };
	__u8 *verdict;

	if (state->protocol != L7_UNKNOWN && state->protocol != L7_TLS && !looks_again(&state->calls))
		return;
	verdict = bpf_map_lookup_elem(&verdicts, &key);
	if (!verdict)
		return;
	state->protocol = *verdict;
	bpf_map_delete_elem(&verdicts, &key);
}

/* The verdict on connections to one of the two ends, 0: none. */
static __always_inline __u8 server_verdict(const struct sonde_socket_data *head, __u32 netns, __u8 role, __u32 ports)
{
	struct sonde_server_key key = { .netns = netns, .is_tls = head->is_tls };
	__u8 *verdict = 0;

	if (role != SONDE_ROLE_SERVER) {
		key.port = ports & 0xffff;
		__builtin_memcpy(key.ip, head->remote_ip, sizeof(key.ip));
		verdict = bpf_map_lookup_elem(&servers, &key);
	}
	if (!verdict && role != SONDE_ROLE_CLIENT) {
		key.port = ports >> 16;
		__builtin_memcpy(key.ip, head->local_ip, sizeof(key.ip));
		verdict = bpf_map_lookup_elem(&servers, &key);
	}
	return verdict ? *verdict : 0;
}
