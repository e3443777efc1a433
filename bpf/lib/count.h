/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#pragma once

static __always_inline void count_by(__u32 counter, __u64 amount)
{
	__u64 *sum = bpf_map_lookup_elem(&counters, &counter);

	if (sum)
		*sum += amount;
}

static __always_inline void count(__u32 counter)
{
	count_by(counter, 1);
}
