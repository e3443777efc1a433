/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Processes that the kernel kills because memory is short, of a control group or of the machine. Rare.
 * raw_tp from 4.17, tp (with tracefs). Context: whoever asked for memory, or a kernel thread; the victim is another.
 */
#pragma once

static __always_inline int oom_event(__u32 pid, __u32 tgid)
{
	struct sonde_process event = {
		.kind = SONDE_EVENT_OOM,
		.tgid = tgid ? tgid : pid,
		.time_ns = bpf_ktime_get_ns(),
	};

	if (bpf_ringbuf_output(&events, &event, sizeof(event), BPF_RB_NO_WAKEUP))
		count(SONDE_COUNT_RING_FULL);
	return 0;
}

/* Until 6.8 the argument is the number of a thread, since then its structure. */
SEC("raw_tp/mark_victim")
int sonde_oom_raw(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *task = (struct task_struct *)ctx->args[0];

	if (ctx->args[0] <= 0xffffffff)
		return oom_event(ctx->args[0], 0);
	return oom_event(0, BPF_CORE_READ(task, tgid));
}

SEC("tp/oom/mark_victim")
int sonde_oom_tp(struct trace_mark_victim *ctx)
{
	return oom_event(ctx->pid, 0);
}
