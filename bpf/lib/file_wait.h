/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Calls on files that had to wait for their device, told without a look at the calls that had not: a thread that is put to sleep
 * uninterruptibly within such a call is remembered (waiting for sockets and pipes is interruptible), and when the call ends, what it
 * took since then is known. `files_waiting` is zero as long as nobody waits, and then the end of a system call costs one load more.
 */
#pragma once

/* Threads in `file_waits`, about: one that the table forgot stays counted, which only costs look-ups. */
__u32 files_waiting;

/* 0: no calls are followed. Written by user space while programs run. */
volatile __u32 follows_files = 1;

/* Set before loading. */
const volatile __u32 file_slow_us = 1000;
const volatile __u32 file_events_per_second = 512;

/* include/linux/sched.h */
#define TASK_UNINTERRUPTIBLE 0x2
#define TASK_NOLOAD 0x400
#define PF_KTHREAD 0x00200000

/* File systems that the kernel makes up (include/uapi/linux/magic.h): to wait there is not to wait for a device. */
static __always_inline bool is_virtual(__u64 magic)
{
	switch (magic) {
	case 0x9fa0:     /* proc */
	case 0x62656572: /* sysfs */
	case 0x27e0eb:   /* cgroup */
	case 0x63677270: /* cgroup2 */
	case 0x64626720: /* debugfs */
	case 0x74726163: /* tracefs */
	case 0x73636673: /* securityfs */
	case 0xcafe4a11: /* bpf */
	case 0x62656570: /* configfs */
		return true;
	}
	return false;
}

/* A file with blocks behind it; NULL for everything else. */
static __always_inline struct file *stored_file_of_fd(__u64 fd)
{
	struct file *file = file_of_fd(fd, false);
	__u32 kind;

	if (!file)
		return 0;
	kind = BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT;
	if (kind != S_IFREG && kind != S_IFBLK)
		return 0;
	return is_virtual(BPF_CORE_READ(file, f_inode, i_sb, s_magic)) ? 0 : file;
}

/* The registers with which the current thread entered the kernel. */
static __always_inline struct pt_regs *entry_registers(void)
{
	struct task_struct *task;

	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_task_pt_regs))
		return (struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());
	/* Before 5.15: at the end of the stack. */
	task = (struct task_struct *)bpf_get_current_task();
	return (void *)BPF_CORE_READ(task, stack) + KERNEL_STACK - bpf_core_type_size(struct pt_regs);
}

/* The current thread is put to sleep, not by preemption, in a state with TASK_UNINTERRUPTIBLE. */
static __always_inline int thread_waits(void)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	__u64 thread = bpf_get_current_pid_tgid();
	struct sonde_file_wait wait = {};
	struct file_call call;
	struct pt_regs *regs;

	if (!follows_files || BPF_CORE_READ(task, flags) & PF_KTHREAD)
		return 0;
	regs = entry_registers();
	wait.nr = BPF_CORE_READ(regs, orig_ax);
	call = file_call_of(wait.nr);
	/* The instruction `syscall` leaves its own address in cx: exceptions keep an error code where the number would be. */
	if (!call.operation || BPF_CORE_READ(regs, cx) != BPF_CORE_READ(regs, ip))
		return 0;
	wait.fd = call.fd_at == 0 ? BPF_CORE_READ(regs, di) :
		  call.fd_at == 1 ? BPF_CORE_READ(regs, si) : BPF_CORE_READ(regs, dx);
	if (call.operation != SONDE_FILE_OPEN && !stored_file_of_fd(wait.fd))
		return 0;
	if (is_excluded_process(thread >> 32))
		return 0;
	if (call.has_offset)
		wait.offset = BPF_CORE_READ(regs, r10);
	wait.r14 = BPF_CORE_READ(regs, r14);
	wait.sp = BPF_CORE_READ(regs, sp);
	wait.begin_ns = bpf_ktime_get_ns();
	/* Only its first wait counts. */
	if (bpf_map_update_elem(&file_waits, &thread, &wait, BPF_NOEXIST) == 0)
		__sync_fetch_and_add(&files_waiting, 1);
	return 0;
}

/* Takes one from the budget of this CPU; false when nothing is left of it. Events for names alone may take half. */
static __always_inline bool take_file_event(bool is_slow)
{
	__u32 zero = 0, second = this_second();
	struct sonde_offers *made = bpf_map_lookup_elem(&file_budget, &zero);

	if (!made)
		return false;
	if (made->second != second) {
		made->second = second;
		made->used = 0;
	}
	if (made->used >= (is_slow ? file_events_per_second : file_events_per_second / 2))
		return false;
	made->used++;
	return true;
}

/* Adds a call to its sum; whether it is the first of it. */
static __always_inline bool add_to_sum(const struct sonde_file_key *key, __u64 bytes, __u64 ns)
{
	struct sonde_file_sum *sum = bpf_map_lookup_elem(&file_sums, key);
	struct sonde_file_sum first = { .count = 1, .bytes = bytes, .wait_ns = ns, .longest_ns = ns };

	if (!sum) {
		if (bpf_map_update_elem(&file_sums, key, &first, BPF_NOEXIST) == 0)
			return true;
		sum = bpf_map_lookup_elem(&file_sums, key);
	}
	if (!sum) {
		count(SONDE_COUNT_FILE_SUMS_FULL);
		return false;
	}
	__sync_fetch_and_add(&sum->count, 1);
	__sync_fetch_and_add(&sum->bytes, bytes);
	__sync_fetch_and_add(&sum->wait_ns, ns);
	if (ns > sum->longest_ns)
		sum->longest_ns = ns;
	return false;
}

static __always_inline void tell_of_file(struct file *file, const struct sonde_file_wait *wait, __u8 operation, long moved,
					 __u64 now, const struct sonde_file_key *key)
{
	__u32 zero = 0;
	struct sonde_file_scratch *event = bpf_map_lookup_elem(&file_scratch, &zero);
	struct sonde_call call = { .r14 = wait->r14, .sp = wait->sp };
	__u64 length;

	if (!event)
		return;
	__builtin_memset(&event->head, 0, sizeof(event->head));
	event->head.kind = SONDE_EVENT_FILE;
	event->head.tid = (__u32)bpf_get_current_pid_tgid();
	event->head.operation = operation;
	event->head.is_slow = now - wait->begin_ns >= (__u64)file_slow_us * 1000;
	event->head.mode = BPF_CORE_READ(file, f_inode, i_mode);
	event->head.begin_ns = wait->begin_ns;
	event->head.end_ns = now;
	event->head.key = *key;
	if (operation == SONDE_FILE_READ || operation == SONDE_FILE_WRITE) {
		event->head.bytes = moved > 0 ? moved : 0;
		event->head.offset = file_call_of(wait->nr).has_offset ? wait->offset :
									  BPF_CORE_READ(file, f_pos) - event->head.bytes;
	}
	event->head.coroutine = coroutine_of(&call);
	event->head.error = moved < 0 ? -moved : 0;
	bpf_get_current_comm(event->head.comm, sizeof(event->head.comm));
	bpf_probe_read_kernel_str(event->head.fs, sizeof(event->head.fs), BPF_CORE_READ(file, f_inode, i_sb, s_type, name));
	length = read_names(file, event);
	asm volatile("%0 &= %1" : "+r"(length) : "i"(2 * SONDE_FILE_NAMES_MAX - 1));
	if (bpf_ringbuf_output(&events, event, sizeof(event->head) + length, BPF_RB_NO_WAKEUP))
		count(SONDE_COUNT_RING_FULL);
	else
		count(SONDE_COUNT_FILE_EVENTS);
}

/* A call on a file ends; it is told of when its thread had to wait in it. `moved`: what the call returns. */
static __always_inline void file_call_ended(__u64 nr, long moved)
{
	__u64 thread = bpf_get_current_pid_tgid(), now, bytes;
	struct file_call call = file_call_of(nr);
	struct sonde_file_key key = {};
	struct sonde_file_wait *kept, wait;
	struct file *file;
	bool is_first, is_slow;

	if (!call.operation)
		return;
	kept = bpf_map_lookup_elem(&file_waits, &thread);
	if (!kept)
		return;
	wait = *kept;
	if (bpf_map_delete_elem(&file_waits, &thread) == 0)
		__sync_fetch_and_add(&files_waiting, -1);
	if (wait.nr != nr || (call.operation == SONDE_FILE_OPEN && moved < 0))
		return;
	file = stored_file_of_fd(call.operation == SONDE_FILE_OPEN ? moved : wait.fd);
	if (!file)
		return;
	now = bpf_ktime_get_ns();
	count(SONDE_COUNT_FILE_WAITS);
	key.inode = BPF_CORE_READ(file, f_inode, i_ino);
	key.device = BPF_CORE_READ(file, f_inode, i_sb, s_dev);
	key.generation = BPF_CORE_READ(file, f_inode, i_generation);
	key.tgid = thread >> 32;
	key.operation = call.operation;
	bytes = moved > 0 && (call.operation == SONDE_FILE_READ || call.operation == SONDE_FILE_WRITE) ? moved : 0;
	is_first = add_to_sum(&key, bytes, now - wait.begin_ns);
	is_slow = now - wait.begin_ns >= (__u64)file_slow_us * 1000;
	if (!is_first && !is_slow)
		return;
	if (take_file_event(is_slow))
		tell_of_file(file, &wait, call.operation, moved, now, &key);
	else
		count(SONDE_COUNT_FILE_REFUSED);
}
