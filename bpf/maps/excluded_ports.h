/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* TCP ports left alone, whichever side has them: one bit each, 64 ports an entry. An array costs less per call than a hash. */
#pragma once

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 65536 / 64);
	__type(key, __u32);
	__type(value, __u64);
} excluded_ports SEC(".maps");

static __always_inline bool sonde_is_port_excluded(__u16 port)
{
	__u32 key = port >> 6;
	__u64 *bits = bpf_map_lookup_elem(&excluded_ports, &key);

	return bits && (*bits >> (port & 63)) & 1;
}
