/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A system call from its enter to its exit, for hooks whose exit does not tell the arguments. Context: the calling thread. */
#pragma once

static __always_inline void keep_call(const struct trace_sys_enter *ctx)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct sonde_call call = { .nr = ctx->id };

	call.arguments[0] = ctx->args[0];
	call.arguments[1] = ctx->args[1];
	call.arguments[2] = ctx->args[2];
	call.arguments[3] = ctx->args[3];
	call.arguments[4] = ctx->args[4];
	bpf_map_update_elem(&in_flight, &thread, &call, BPF_ANY);
}

/* False: the thread has no call under way that was kept, or another one. */
static __always_inline bool take_call(const struct trace_sys_exit *ctx, struct sonde_call *call)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct sonde_call *kept = bpf_map_lookup_elem(&in_flight, &thread);

	if (!kept)
		return false;
	*call = *kept;
	bpf_map_delete_elem(&in_flight, &thread);
	return call->nr == ctx->id;
}
