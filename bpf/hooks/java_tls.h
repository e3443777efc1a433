/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Plaintext of Java, where the agent was allowed to have the JVM load native/java: that calls a function which does nothing, and on which
 * this sits. Kernels from 4.17 (perf's uprobe events). Context: the calling thread; may be preempted, not sleeping.
 */
#pragma once

/* void sonde_java_plaintext(session, where, bytes, length, records) */
SEC("uprobe")
int sonde_tls_java(struct pt_regs *ctx)
{
	return java_moved(ctx->di, ctx->si, (const void *)ctx->dx, ctx->cx, ctx->r8);
}
