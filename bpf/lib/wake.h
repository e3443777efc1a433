/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * One thread, or goroutine, of a process wakes another: how work is handed over and comes back through memory. Told of watched
 * processes only, and of each as often as it may make events in a window; what is beyond is counted.
 */
#pragma once

#if defined(__TARGET_ARCH_x86)
#define NR_FUTEX 202
#endif

/* arch/x86/include/asm/thread_info.h: left free above the registers since 6.9, where the kernel is made for FRED. */
#define STACK_PADDING 16

/*
 * Whether the thread entered the kernel by this call. What lies 16 bytes beside the number of a call is an argument or a segment of code; taken for
 * futex neither is (its operation is below 202 or above 256, and user code runs in segment 0x33).
 */
static __always_inline bool is_in_call(__u64 stack, __u64 nr)
{
	struct pt_regs *regs = (void *)stack + KERNEL_STACK - bpf_core_type_size(struct pt_regs);

	return BPF_CORE_READ(regs, orig_ax) == nr ||
	       BPF_CORE_READ((struct pt_regs *)((void *)regs - STACK_PADDING), orig_ax) == nr;
}

static __always_inline int wake_event(struct sonde_watched *process, struct sonde_wake *event)
{
	__u32 window, most = process_events;

	event->time_ns = bpf_ktime_get_ns();
	window = event->time_ns >> SONDE_WINDOW_BITS;
	if (process->window != window) {
		process->window = window;
		process->used = 0;
	}
	if (most && process->used >= most) {
		count(SONDE_COUNT_WAKES_REFUSED);
		return 0;
	}
	process->used++;
	if (bpf_ringbuf_output(&events, event, sizeof(*event), BPF_RB_NO_WAKEUP))
		count(SONDE_COUNT_RING_FULL);
	else
		count(SONDE_COUNT_WAKES);
	return 0;
}

/*
 * The current thread wakes another one of its process. A wake-up that comes out of an interrupt is not the current thread's; so both must have
 * come in by futex, which neither packets nor most timers wake.
 */
static __always_inline int thread_wakes(__u32 tid, __u32 waits, __u64 stack)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct sonde_wake event = {
		.kind = SONDE_EVENT_WAKE,
		.tgid = id >> 32,
		.tid = (__u32)id,
		.woken_tid = tid,
		.woken_waits = waits,
	};
	struct sonde_watched *process = bpf_map_lookup_elem(&watched, &event.tgid);

	if (!process || !is_in_call(stack, NR_FUTEX) || !is_in_call((__u64)BPF_CORE_READ(task, stack), NR_FUTEX))
		return 0;
	return wake_event(process, &event);
}

/*
 * The Go runtime makes a goroutine ready. It does so on the stack of its scheduler (g0), to whose m belongs the goroutine that caused it: g.m is
 * the seventh word of a g, m.curg behind a gobuf that lost a word in Go 1.25; the right one is of that m.
 */
#define GO_G_M 48
#define GO_M_CURG 184
#define GO_M_CURG_BEFORE_1_25 192

static __always_inline __u64 current_goroutine(__u64 scheduler)
{
	__u64 m = read_word(scheduler + GO_G_M);
	__u64 goroutine = read_word(m + GO_M_CURG);

	if (goroutine && read_word(goroutine + GO_G_M) == m)
		return goroutine;
	goroutine = read_word(m + GO_M_CURG_BEFORE_1_25);
	return goroutine && read_word(goroutine + GO_G_M) == m ? goroutine : 0;
}

static __always_inline int goroutine_wakes(__u64 scheduler, __u64 woken, __u32 begins)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct sonde_wake event = {
		.kind = SONDE_EVENT_WAKE,
		.tgid = id >> 32,
		.begins = begins,
		.woken_coroutine = woken,
	};
	struct sonde_watched *process = bpf_map_lookup_elem(&watched, &event.tgid);

	if (!process)
		return 0;
	event.coroutine = current_goroutine(scheduler);
	return event.coroutine ? wake_event(process, &event) : 0;
}
