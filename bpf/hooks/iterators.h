/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What user space asks for when it wants to know, instead of being told: a read of the iterator runs the program over all there is.
 * Kernels from 5.8 with types of their own. Context: the reading thread.
 */
#pragma once

#ifndef SONDE_WITHOUT_TYPES

static __always_inline int next_flow(struct bpf_iter__bpf_map_elem *ctx, bool direct)
{
	struct sonde_socket_state *state = ctx->value;
	__u64 *key = ctx->key;

	if (!key || !state)
		return 0;
	return flow_goes_on(ctx->meta->seq, *key, state, direct);
}

/* Each connection in `sockets` as a struct sonde_flow, if it moved since the last read. About once a second. */
SEC("iter/bpf_map_elem")
int sonde_flows(struct bpf_iter__bpf_map_elem *ctx)
{
	return next_flow(ctx, false);
}

/* The same from 6.2 on (lib/read.h): a third of the time for each idle connection. */
SEC("iter/bpf_map_elem")
int sonde_flows_direct(struct bpf_iter__bpf_map_elem *ctx)
{
	return next_flow(ctx, true);
}

/* Every descriptor of every process; reads give nothing, `sockets` and `listeners` know more afterwards. */
SEC("iter/task_file")
int sonde_owners(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;

	if (!task || !file)
		return 0;
	return descriptor_held(file, BPF_CORE_READ(task, tgid));
}
#endif
