// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Hook: the exit of every system call, where length and bytes are final; the arguments are still in the registers, so no
 * state between enter and exit is needed (half the cost of the pair of tracepoints).
 * Kernels: tp_btf from 5.8 (ring buffer), raw_tp the same where attaching by BTF is refused. x86-64.
 * Context: the calling process, preemption off.
 */
#include "lib/socket_data.h"

SEC("tp_btf/sys_exit")
int BPF_PROG(sonde_exit_btf, struct pt_regs *regs, long returned)
{
	__u64 number = regs->orig_ax;
	struct sonde_call call = {};

	if (returned <= 0 || !sonde_is_traced(number))
		return 0;
	sonde_describe(&call, number, regs->di, regs->si, regs->dx, regs->r10);
	return sonde_on_call(&call, returned);
}

SEC("raw_tp/sys_exit")
int sonde_exit_raw(struct bpf_raw_tracepoint_args *context)
{
	struct pt_regs *regs = (struct pt_regs *)context->args[0];
	__s64 returned = context->args[1];
	struct sonde_call call = {};
	__u64 number;

	if (returned <= 0)
		return 0;
	number = BPF_CORE_READ(regs, orig_ax);
	if (!sonde_is_traced(number))
		return 0;
	sonde_describe(&call, number, BPF_CORE_READ(regs, di), BPF_CORE_READ(regs, si), BPF_CORE_READ(regs, dx),
		       BPF_CORE_READ(regs, r10));
	return sonde_on_call(&call, returned);
}
