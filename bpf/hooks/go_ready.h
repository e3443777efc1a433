/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * One goroutine makes another ready, by a channel, a lock, a condition; or begins it. Attached by user space to the files of Go programs that it watches
 * (src/agent/capture/HandOverHooks.ts), since Go 1.17. Kernels from 4.17. Context: the thread, may be preempted.
 */
#pragma once

/* func ready(gp *g, traceskip int, next bool), of runtime; r14: the scheduler's own goroutine */
SEC("uprobe")
int sonde_go_ready(struct pt_regs *ctx)
{
	return goroutine_wakes(ctx->r14, ctx->ax, 0);
}

/* func newproc1(fn *funcval, callergp *g, ...) *g, of runtime, at each of its return instructions; r14 as above */
SEC("uprobe")
int sonde_go_begin(struct pt_regs *ctx)
{
	return goroutine_wakes(ctx->r14, ctx->ax, 1);
}
