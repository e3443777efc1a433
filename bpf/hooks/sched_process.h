/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Processes that begin a program or end, so that user space can read names while a short-lived one is still there.
 * tp_btf from 5.5, raw_tp from 4.17, tp (with tracefs) everywhere. Context: a thread of the process itself; at exec its only one.
 */
#pragma once

SEC("tp_btf/sched_process_exec")
int sonde_exec_btf(void *ctx)
{
	return program_began();
}

SEC("tp_btf/sched_process_exit")
int sonde_gone_btf(void *ctx)
{
	return thread_ended();
}

SEC("raw_tp/sched_process_exec")
int sonde_exec_raw(void *ctx)
{
	return program_began();
}

SEC("raw_tp/sched_process_exit")
int sonde_gone_raw(void *ctx)
{
	return thread_ended();
}

SEC("tp/sched/sched_process_exec")
int sonde_exec_tp(void *ctx)
{
	return program_began();
}

SEC("tp/sched/sched_process_exit")
int sonde_gone_tp(void *ctx)
{
	return thread_ended();
}
