/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#pragma once

/* The first question about a call that is followed, because it costs least. */
static __always_inline bool is_excluded_process(__u32 tgid)
{
	if (!bpf_map_lookup_elem(&excluded_tgids, &tgid))
		return false;
	count(SONDE_COUNT_EXCLUDED);
	return true;
}

static __always_inline bool is_excluded_port(__u32 ports)
{
	__u16 local = ports >> 16, remote = ports;

	if (!bpf_map_lookup_elem(&excluded_ports, &local) && !bpf_map_lookup_elem(&excluded_ports, &remote))
		return false;
	count(SONDE_COUNT_EXCLUDED);
	return true;
}
