/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Processes whose traffic is left alone, the agent's own first of all; 1,024. A process that ends leaves it. */
#pragma once

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __u8);
} excluded_tgids SEC(".maps");
