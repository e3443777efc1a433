/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#pragma once

/* Tells user space that the current process began a program or ended. */
static __always_inline int process_event(__u32 kind)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct sonde_process event = {
		.kind = kind,
		.tgid = bpf_get_current_pid_tgid() >> 32,
		.time_ns = bpf_ktime_get_ns(),
		.parent_tgid = BPF_CORE_READ(task, real_parent, tgid),
	};

	bpf_get_current_comm(event.comm, sizeof(event.comm));
	if (bpf_ringbuf_output(&events, &event, sizeof(event), BPF_RB_NO_WAKEUP))
		count(SONDE_COUNT_RING_FULL);
	return 0;
}

/* A process ends with its last thread, which need not be its first. Its number may come back for another at once. */
static __always_inline int thread_ended(void)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;

	if (BPF_CORE_READ(task, signal, live.counter) > 0)
		return 0;
	bpf_map_delete_elem(&excluded_tgids, &tgid);
	return process_event(SONDE_EVENT_EXIT);
}
