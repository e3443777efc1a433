/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Socket data by the classic pair of tracepoints: arguments at enter, kept by thread until the exit tells the result. The last
 * resort where neither kind of raw tracepoint may be attached; needs tracefs. Context: the calling thread.
 */
#pragma once

SEC("tp/raw_syscalls/sys_enter")
int sonde_enter_tp(struct trace_sys_enter *ctx)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct sonde_call call = { .nr = ctx->id };

	if (!kind_of_call(call.nr).is_followed || is_excluded_process(thread >> 32))
		return 0;
	call.arguments[0] = ctx->args[0];
	call.arguments[1] = ctx->args[1];
	call.arguments[2] = ctx->args[2];
	call.arguments[3] = ctx->args[3];
	call.arguments[4] = ctx->args[4];
	bpf_map_update_elem(&in_flight, &thread, &call, BPF_ANY);
	return 0;
}

SEC("tp/raw_syscalls/sys_exit")
int sonde_exit_tp(struct trace_sys_exit *ctx)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct sonde_call *kept, call;

	if (files_waiting)
		file_call_ended(ctx->id, ctx->ret);
	if (!kind_of_call(ctx->id).is_followed)
		return 0;
	kept = bpf_map_lookup_elem(&in_flight, &thread);
	if (!kept)
		return 0;
	call = *kept;
	bpf_map_delete_elem(&in_flight, &thread);
	if (call.nr != ctx->id || ctx->ret <= 0)
		return 0;
	read_registers(&call);
	return handle_call(&call, ctx->ret, false);
}
