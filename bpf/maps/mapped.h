/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#pragma once
struct sonde_mapped_key {
	__u64 inode;
	__u32 device;
	__u32 generation; /* of the inode: its number comes back for another file */
};

/*
 * mapped: files mapped to be executed of which user space was told; those it wants to hear of again it takes out. Least recently
 * used make room, and are told of again.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct sonde_mapped_key);
	__type(value, __u8);
} mapped SEC(".maps");
