/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * System calls by the classic pair of tracepoints, and processes that begin a program or end, with nothing that 4.14 does not have.
 * Context: the calling thread. Needs tracefs.
 */
#pragma once

static __always_inline bool begins_or_ends_connection(__u64 nr)
{
	return nr == NR_CONNECT || nr == NR_ACCEPT || nr == NR_ACCEPT4;
}

SEC("tp/raw_syscalls/sys_enter")
int sonde_compat_enter(struct trace_sys_enter *ctx)
{
	if (ctx->id != NR_CLOSE && !begins_or_ends_connection(ctx->id) && !kind_of_call(ctx->id).is_followed)
		return 0;
	if (is_excluded_process(bpf_get_current_pid_tgid() >> 32))
		return 0;
	if (ctx->id == NR_CLOSE) {
		connection_ends(ctx, ctx->args[0]);
		return 0;
	}
	keep_call(ctx);
	return 0;
}

SEC("tp/raw_syscalls/sys_exit")
int sonde_compat_exit(struct trace_sys_exit *ctx)
{
	struct sonde_call call;
	long result = ctx->ret;

	if (!begins_or_ends_connection(ctx->id) && !kind_of_call(ctx->id).is_followed)
		return 0;
	if (!take_call(ctx, &call))
		return 0;
	if (call.nr == NR_CONNECT) {
		if (result == 0 || result == -EINPROGRESS)
			connection_begins(call.arguments[0], (const void *)call.arguments[1], SONDE_ROLE_CLIENT);
		return 0;
	}
	if (begins_or_ends_connection(call.nr)) {
		if (result >= 0)
			connection_begins(result, (const void *)call.arguments[1], SONDE_ROLE_SERVER);
		return 0;
	}
	return result > 0 ? bytes_moved(ctx, &call, result) : 0;
}

static __always_inline int compat_process_event(void *ctx, __u32 kind)
{
	__u64 user = bpf_get_current_uid_gid();
	/* When it began and how it ended stands in structures of the kernel: start_ns is 0. */
	struct sonde_process event = {
		.uid = (__u32)user,
		.gid = user >> 32,
		.kind = kind,
		.tgid = bpf_get_current_pid_tgid() >> 32,
		.time_ns = bpf_ktime_get_ns(),
	};

	bpf_get_current_comm(event.comm, sizeof(event.comm));
	if (bpf_perf_event_output(ctx, &events, BPF_F_CURRENT_CPU, &event, sizeof(event)))
		count(SONDE_COUNT_RING_FULL);
	return 0;
}

static __always_inline void life_begins(void)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	__u64 now = bpf_ktime_get_ns();

	bpf_map_update_elem(&lives, &tgid, &now, BPF_ANY);
}

SEC("tp/sched/sched_process_exec")
int sonde_compat_exec(void *ctx)
{
	life_begins();
	return compat_process_event(ctx, SONDE_EVENT_EXEC);
}

/* With its first thread: how many are left stands in a structure of the kernel. */
SEC("tp/sched/sched_process_exit")
int sonde_compat_gone(void *ctx)
{
	__u64 id = bpf_get_current_pid_tgid();
	__u32 tgid = id >> 32;

	if (tgid != (__u32)id)
		return 0;
	life_begins();
	bpf_map_delete_elem(&excluded_tgids, &tgid);
	return compat_process_event(ctx, SONDE_EVENT_EXIT);
}
