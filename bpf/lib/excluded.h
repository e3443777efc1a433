/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What is taken of a process. A system call of a process of which not everything is taken ends at its first question.
 */
#pragma once


static __always_inline __u8 scope_of_process(__u32 tgid)
{
	__u8 *scope = bpf_map_lookup_elem(&excluded_tgids, &tgid);

	return scope ? *scope : SONDE_SCOPE_ALL;
}

/* The first question about a call that is followed, because it costs least. */
static __always_inline bool is_excluded_process(__u32 tgid)
{
	if (scope_of_process(tgid) == SONDE_SCOPE_ALL)
		return false;
	count(SONDE_COUNT_EXCLUDED);
	return true;
}
