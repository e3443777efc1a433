/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * How many events one process may make, so that a noisy one does not push out what others say. Counted in short windows of which the
 * first events pass: they are whole conversations, where every n-th event would be none.
 */
#pragma once

/* 2^27 ns, 134 ms; src/agent/capture/native/SocketTracer.ts has the same number. */
#define SONDE_WINDOW_BITS 27

/* Events of one process in one window, 0: any number. Written by user space while programs run. */
volatile __u32 process_events = 13422;

/* Takes one from the budget of the process; to be asked just before an event is made, which it saves. */
static __always_inline bool within_budget(__u32 tgid, __u64 now)
{
	struct sonde_process_budget *budget, fresh = { .window = now >> SONDE_WINDOW_BITS, .used = 1 };
	__u32 most = process_events;

	if (most == 0)
		return true;
	budget = bpf_map_lookup_elem(&process_budgets, &tgid);
	if (!budget) {
		bpf_map_update_elem(&process_budgets, &tgid, &fresh, BPF_NOEXIST);
		return true;
	}
	if (budget->window != fresh.window) {
		budget->window = fresh.window;
		budget->used = 1;
		return true;
	}
	if (budget->used < most) {
		__sync_fetch_and_add(&budget->used, 1);
		return true;
	}
	__sync_fetch_and_add(&budget->refused, 1);
	count(SONDE_COUNT_OVER_BUDGET);
	return false;
}
