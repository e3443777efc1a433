// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Hook: a process begins to run a program: its name and command line are to be read anew.
 * Kernels: the tracepoint is older than BPF; tp_btf, then raw_tp, then tp.
 * Context: the process itself, preemption off.
 */
#include "lib/process.h"

SEC("tp_btf/sched_process_exec")
int sonde_exec_btf(void *context)
{
	return sonde_on_process(SONDE_EVENT_EXEC);
}

SEC("raw_tp/sched_process_exec")
int sonde_exec_raw(void *context)
{
	return sonde_on_process(SONDE_EVENT_EXEC);
}

SEC("tp/sched/sched_process_exec")
int sonde_exec_tp(void *context)
{
	return sonde_on_process(SONDE_EVENT_EXEC);
}
