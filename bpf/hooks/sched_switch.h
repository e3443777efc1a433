/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The begin of a wait on a file. The enter of the call would tell more, and cost every system call of the machine; this costs a
 * few loads for each change of thread, and more only for waits that are uninterruptible.
 * tp_btf from 5.5, raw_tp from 4.17, tp (with tracefs) everywhere. Context: the thread that leaves the CPU, which is still the current
 * one, with interrupts off.
 */
#pragma once

struct task_struct___before_5_14 {
	volatile long state;
} __attribute__((preserve_access_index));

static __always_inline bool is_device_wait(__u64 state)
{
	return (state & TASK_UNINTERRUPTIBLE) && !(state & TASK_NOLOAD);
}

SEC("tp_btf/sched_switch")
int sonde_switch_btf(__u64 *ctx)
{
	struct task_struct *previous = (struct task_struct *)ctx[1];
	__u64 state;

	if (bpf_core_field_exists(previous->__state))
		state = previous->__state;
	else
		state = ((struct task_struct___before_5_14 *)previous)->state;
	return is_device_wait(state) && !(__u8)ctx[0] ? thread_waits() : 0;
}

/* Of the current thread, where its structure comes by no argument that the verifier knows. */
static __always_inline __u64 current_state(void)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();

	return bpf_core_field_exists(task->__state) ? BPF_CORE_READ(task, __state) :
						      BPF_CORE_READ((struct task_struct___before_5_14 *)task, state);
}

SEC("raw_tp/sched_switch")
int sonde_switch_raw(struct bpf_raw_tracepoint_args *ctx)
{
	return is_device_wait(current_state()) && !(__u8)ctx->args[0] ? thread_waits() : 0;
}

/* prev_state 0 (R) is a preempted thread. */
SEC("tp/sched/sched_switch")
int sonde_switch_tp(struct trace_sched_switch *ctx)
{
	return is_device_wait(ctx->prev_state) ? thread_waits() : 0;
}
