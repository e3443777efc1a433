/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * A thread wakes another one of its own process. Attached only while user space watches a process, because it runs for every wake-up of the
 * machine: those between processes end at the first comparison.
 * tp_btf from 5.5, raw_tp from 4.17. Context: who wakes, or whom an interrupt found running; interrupts off, the woken thread's pi_lock held.
 */
#pragma once

SEC("tp_btf/sched_waking")
int sonde_waking_btf(__u64 *ctx)
{
	struct task_struct *woken = (struct task_struct *)ctx[0];

	if (woken->tgid != (int)(bpf_get_current_pid_tgid() >> 32))
		return 0;
	return thread_wakes(woken->pid, woken->nvcsw, (__u64)woken->stack);
}

SEC("raw_tp/sched_waking")
int sonde_waking_raw(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *woken = (struct task_struct *)ctx->args[0];

	if (BPF_CORE_READ(woken, tgid) != (int)(bpf_get_current_pid_tgid() >> 32))
		return 0;
	return thread_wakes(BPF_CORE_READ(woken, pid), BPF_CORE_READ(woken, nvcsw), (__u64)BPF_CORE_READ(woken, stack));
}
