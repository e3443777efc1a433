// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * The kernel side for old kernels, held to what 4.14 has: tracepoints, perf rings, maps of 4.10; no structure of the kernel is read, so
 * no types are needed; no constants, no ring buffer, no calls between programs, no loops, at most 4,096 instructions a program, helpers of
 * 4.4. It tells the same events as sonde.bpf.c; addresses, sequence numbers and TLS are not in them.
 */
#define SONDE_COMPAT
#include "include/vmlinux_min.h"

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

/* Reads user memory, too, on x86; the helpers that tell which came with 5.5. */
#define bpf_probe_read_user bpf_probe_read
#define BPF_F_CURRENT_CPU 0xffffffffULL

#include "include/sonde_counters.h"
#include "include/sonde_event.h"
#include "include/sonde_scope.h"
#include "include/sonde_verdict.h"

#include "maps/compat.h"
#include "maps/counters.h"
#include "maps/excluded.h"
#include "maps/in_flight.h"
#include "maps/offers.h"
#include "maps/scratch.h"
#include "maps/sockets.h"
#include "maps/verdicts.h"

#include "lib/count.h"

static __always_inline __u32 offers_limit(void)
{
	__u32 zero = 0;
	struct sonde_settings *set = bpf_map_lookup_elem(&settings, &zero);

	return set ? set->offers_per_second : 0;
}

#include "lib/call.h"
#include "lib/in_flight.h"
#include "lib/excluded.h"
#include "lib/infer.h"
#include "lib/offer.h"
#include "lib/verdict.h"
#include "lib/recognise.h"
#include "lib/compat_call.h"

#include "hooks/compat.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";
