/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * How many events one process may make, so that a noisy one does not push out what others say. Counted in short windows of which the
 * first events pass: they are whole conversations, where every n-th event would be none. A processor takes several from the budget of a
 * process at once (maps/scratch.h has what it took): nothing that can be measured, where a look at the table each time costs 35 ns of
 * the 600 of an event.
 */
#pragma once

/* 2^27 ns, 134 ms; src/agent/capture/native/SocketTracer.ts has the same number. */
#define SONDE_WINDOW_BITS 27

/* A processor takes at most this share of a budget at once, and so many: what it does not use is lost with the window. */
#define SONDE_BATCH_SHIFT 7
#define SONDE_BATCH_MOST 64

/* Events of one process in one window, 0: any number. Written by user space while programs run. */
volatile __u32 process_events = 13422;

/* How many of the events that are left to the process this processor takes; 0: none are left. */
static __always_inline __u32 take_events(__u32 tgid, __u32 window, __u32 most)
{
	struct sonde_process_budget *budget, fresh = { .window = window };
	__u32 batch = most >> SONDE_BATCH_SHIFT ?: 1;

	if (batch > SONDE_BATCH_MOST)
		batch = SONDE_BATCH_MOST;
	budget = bpf_map_lookup_elem(&process_budgets, &tgid);
	if (!budget) {
		fresh.used = batch;
		bpf_map_update_elem(&process_budgets, &tgid, &fresh, BPF_NOEXIST);
		return batch;
	}
	if (budget->window != window) {
		budget->window = window;
		budget->used = batch;
		return batch;
	}
	if (budget->used < most) {
		__sync_fetch_and_add(&budget->used, batch);
		return batch;
	}
	__sync_fetch_and_add(&budget->refused, 1);
	count(SONDE_COUNT_OVER_BUDGET);
	return 0;
}

/* What this processor took for another process, which it has no more room to remember. */
static __always_inline void give_back(const struct sonde_taken *taken)
{
	__u32 tgid = taken->tgid;
	struct sonde_process_budget *budget = bpf_map_lookup_elem(&process_budgets, &tgid);

	if (budget && budget->window == taken->window && budget->used >= taken->left)
		__sync_fetch_and_add(&budget->used, -taken->left);
}

/* Takes one from the budget of the process; to be asked just before an event is made, which it saves. */
static __always_inline bool within_budget(struct sonde_scratch *event, __u32 tgid, __u64 now)
{
	struct sonde_taken *taken = &event->taken[tgid & (SONDE_TAKEN - 1)];
	__u32 window = now >> SONDE_WINDOW_BITS, most = process_events;

	if (most == 0)
		return true;
	if (taken->tgid != tgid || taken->window != window || taken->left == 0) {
		if (taken->tgid != tgid && taken->window == window && taken->left)
			give_back(taken);
		taken->tgid = tgid;
		taken->window = window;
		taken->left = take_events(tgid, window, most);
		if (taken->left == 0)
			return false;
	}
	taken->left--;
	return true;
}
