// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Hook: a task ends; the group leader stands for its process. Also takes it out of the excluded processes.
 * Kernels: the tracepoint is older than BPF; tp_btf, then raw_tp, then tp.
 * Context: the process itself, preemption off.
 */
#include "lib/process.h"

SEC("tp_btf/sched_process_exit")
int sonde_gone_btf(void *context)
{
	return sonde_on_process(SONDE_EVENT_EXIT);
}

SEC("raw_tp/sched_process_exit")
int sonde_gone_raw(void *context)
{
	return sonde_on_process(SONDE_EVENT_EXIT);
}

SEC("tp/sched/sched_process_exit")
int sonde_gone_tp(void *context)
{
	return sonde_on_process(SONDE_EVENT_EXIT);
}
