/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A process began to run a program, or ended: one small record. The process is the current task at both hooks. */
#pragma once

#include "../maps/counters.h"
#include "../maps/events.h"
#include "../maps/excluded_tgids.h"

static __always_inline int sonde_on_process(enum sonde_event_kind kind)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	__u64 id = bpf_get_current_pid_tgid();
	struct sonde_process event = {};
	__u32 tgid = id >> 32;

	if (kind == SONDE_EVENT_EXIT) {
		/* Threads end too; the leader stands for the process. */
		if ((__u32)id != tgid)
			return 0;
		bpf_map_delete_elem(&excluded_tgids, &tgid);
	}
	event.kind = kind;
	event.tgid = tgid;
	event.time_ns = bpf_ktime_get_ns();
	event.parent_tgid = BPF_CORE_READ(task, real_parent, tgid);
	bpf_get_current_comm(event.comm, sizeof(event.comm));
	if (bpf_ringbuf_output(&events, &event, sizeof(event), BPF_RB_NO_WAKEUP))
		sonde_count(SONDE_COUNTER_PROCESS_DROPS, 1);
	else
		sonde_count(SONDE_COUNTER_PROCESSES, 1);
	return 0;
}
