/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Which goroutine makes a system call. Goroutines move between threads, so that in a Go program a thread says nothing of what it works
 * for. Since Go 1.17 r14 holds the address of the running goroutine (cmd/compile/abi-internal.md), and the runtime's own system calls
 * leave it there. That it is one: it begins with the bounds of its stack, on which the call is made. Goroutines and
 * their stacks lie in the runtime's heap, below 1 << 46 (runtime/malloc.go; since 1.26 anywhere there); the kernel puts the stacks
 * of all other programs above, so that these pay one comparison.
 */
#pragma once

#define GO_HEAP_BITS 46

/* arch/x86/include/asm/page_64_types.h; with KASAN twice as much: then no goroutine is known where a hook tells no registers. */
#define KERNEL_STACK 16384

struct go_stack {
	__u64 low, high;
};

static __always_inline __u64 goroutine_of(const struct sonde_call *call)
{
	struct go_stack stack;

	if (call->sp >> GO_HEAP_BITS || call->r14 >> GO_HEAP_BITS || !call->r14 ||
	    bpf_probe_read_user(&stack, sizeof(stack), (const void *)call->r14))
		return 0;
	return stack.low <= call->sp && call->sp < stack.high ? call->r14 : 0;
}

/* For hooks that tell no registers: they lie at the end of the kernel's stack of the thread. */
static __always_inline void read_registers(struct sonde_call *call)
{
	struct task_struct *task = current_task(false);
	struct pt_regs *regs = BPF_CORE_READ(task, stack) + KERNEL_STACK - bpf_core_type_size(struct pt_regs);

	if (BPF_CORE_READ(regs, orig_ax) != call->nr)
		return;
	call->r14 = BPF_CORE_READ(regs, r14);
	call->sp = BPF_CORE_READ(regs, sp);
}

/* The goroutine that bytes are moved for: `goroutine` itself, or for what a client writes the one that it writes for. */
static __always_inline __u64 caller_of(const struct sonde_socket_state *state, __u8 direction, __u64 goroutine)
{
	return goroutine && direction == SONDE_EGRESS && state->lent_to ? state->lent_to : goroutine;
}
