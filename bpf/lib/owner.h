/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The process that a connection belongs to. Who connects or moves bytes is seen doing it; of an accepted connection that nobody was
 * seen using the listening process stands for it, which is usually the same program.
 */
#pragma once

static __always_inline struct sonde_listener_key listener_key(__u32 netns, __u16 port)
{
	struct sonde_listener_key key = { .netns = netns, .port = port };

	return key;
}

/* The current process begins to listen. Its port is only known from skc_num when it did not bind before. */
static __always_inline void socket_listens(struct sock *sk, __u32 tgid, __u64 flags)
{
	struct sonde_listener_key key = listener_key(netns_of(sk), BPF_CORE_READ(sk, __sk_common.skc_num));

	if (key.port)
		bpf_map_update_elem(&listeners, &key, &tgid, flags);
}

/* The process that listens on the port; 0 unknown. */
static __always_inline __u32 listener_of(__u32 netns, __u16 port)
{
	struct sonde_listener_key key = listener_key(netns, port);
	__u32 *tgid = bpf_map_lookup_elem(&listeners, &key);

	return tgid ? *tgid : 0;
}

/* Whoever passes sockets on when somebody comes (systemd) is not who serves: process 1 stands for nobody. */
static __always_inline void own_by_listener(struct sonde_socket_state *state)
{
	__u32 tgid = listener_of(state->netns, state->ports >> 16);

	if (tgid <= 1)
		return;
	state->tgid = tgid;
	state->owner = SONDE_OWNER_LISTENS;
}

static __always_inline void own(struct sonde_socket_state *state, __u32 tgid)
{
	if (state->owner == SONDE_OWNER_SEEN)
		return;
	state->tgid = tgid;
	state->owner = SONDE_OWNER_SEEN;
}
