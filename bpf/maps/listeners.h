/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#pragma once
struct sonde_listener_key {
	__u32 netns;
	__u16 port; /* host byte order */
	__u16 pad;
};

/* listeners: the process that listens on a port, for connections whose own is not seen. The least recently used is not known any more. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct sonde_listener_key);
	__type(value, __u32);
} listeners SEC(".maps");
