/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#pragma once
struct sonde_offers {
	__u32 second;
	__u32 used; /* offers made in it */
};

/* offers: what a CPU has given of payloads of unknown protocol. The budget is `offers_per_second` (lib/offer.h). */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sonde_offers);
} offers SEC(".maps");
