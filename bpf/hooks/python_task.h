/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Steps of Python's asyncio Tasks, where the module _asyncio calls the interpreter. Attached by user space (src/agent/capture/python) for
 * all processes that map the module: to its calls and to the branches behind them, instructions which the kernel does itself instead of
 * having the processor do each alone (which costs a second trap). Kernels from 4.17. Context: the calling thread; may be preempted, not sleeping.
 */
#pragma once

/* PySendResult PyIter_Send(coroutine, argument, result); PyObject *_PyGen_Send(coroutine, argument) */
SEC("uprobe")
int sonde_task_step(struct pt_regs *ctx)
{
	return task_step_begins(ctx->di, ctx->sp);
}

/* Behind its return, while ax is what it returned. */
SEC("uprobe")
int sonde_task_step_end(struct pt_regs *ctx)
{
	return task_step_ends(is_coroutine_over(ctx->ax), ctx->sp);
}

/* The same, once 1 was added to it: compilers make one comparison of two so. */
SEC("uprobe")
int sonde_task_step_end_1(struct pt_regs *ctx)
{
	return task_step_ends((__u32)ctx->ax <= 1, ctx->sp);
}

/* PyObject *PyObject_VectorcallMethod(name, arguments, ...); PyObject *_PyObject_CallMethodIdObjArgs(coroutine, name, ...) */
SEC("uprobe")
int sonde_task_throw(struct pt_regs *ctx)
{
	return task_throw_begins(ctx->di, ctx->si, ctx->sp);
}

/* PyObject *PyContext_CopyCurrent(void) */
SEC("uprobe")
int sonde_task_made(struct pt_regs *ctx)
{
	return task_is_made(ctx);
}
