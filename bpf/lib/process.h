/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#pragma once

/* Tells user space that the current process began a program or ended; threads of a process say nothing. */
static __always_inline int process_event(__u32 kind)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	__u64 pid_tgid = bpf_get_current_pid_tgid();
	struct sonde_process event = {};

	if ((__u32)pid_tgid != pid_tgid >> 32)
		return 0;
	event.kind = kind;
	event.tgid = pid_tgid >> 32;
	event.time_ns = bpf_ktime_get_ns();
	event.parent_tgid = BPF_CORE_READ(task, real_parent, tgid);
	bpf_get_current_comm(event.comm, sizeof(event.comm));
	if (bpf_ringbuf_output(&events, &event, sizeof(event), BPF_RB_NO_WAKEUP))
		count(SONDE_COUNT_RING_FULL);
	return 0;
}
