/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Socket data by the classic pair of tracepoints: arguments at enter, kept by thread until the exit tells the result. The last
 * resort where neither kind of raw tracepoint may be attached; needs tracefs. Context: the calling thread.
 */
#pragma once

SEC("tp/raw_syscalls/sys_enter")
int sonde_enter_tp(struct trace_sys_enter *ctx)
{
	if (!kind_of_call(ctx->id).is_followed || is_excluded_process(bpf_get_current_pid_tgid() >> 32))
		return 0;
	keep_call(ctx);
	return 0;
}

SEC("tp/raw_syscalls/sys_exit")
int sonde_exit_tp(struct trace_sys_exit *ctx)
{
	struct sonde_call call;

	if (files_waiting)
		file_call_ended(ctx->id, ctx->ret);
	if (!kind_of_call(ctx->id).is_followed || !take_call(ctx, &call) || ctx->ret <= 0)
		return 0;
	read_registers(&call);
	return handle_call(&call, ctx->ret, false);
}
