/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#pragma once

/* What is told of the current process, whatever happened to it. */
static __always_inline void describe_process(struct sonde_process *event, __u32 kind)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	__u64 user = bpf_get_current_uid_gid();

	event->kind = kind;
	event->tgid = bpf_get_current_pid_tgid() >> 32;
	event->time_ns = bpf_ktime_get_ns();
	event->parent_tgid = BPF_CORE_READ(task, real_parent, tgid);
	event->exit_status = 0;
	bpf_get_current_comm(event->comm, sizeof(event->comm));
	event->start_ns = BPF_CORE_READ(task, group_leader, start_time);
	event->uid = (__u32)user;
	event->gid = user >> 32;
}

static __always_inline int tell_of_process(struct sonde_process *event)
{
	if (bpf_ringbuf_output(&events, event, sizeof(*event), BPF_RB_NO_WAKEUP))
		count(SONDE_COUNT_RING_FULL);
	return 0;
}

/* The current process began a program: with its first arguments, because a short-lived one is gone before /proc is looked at. */
static __always_inline int program_began(void)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	__u32 zero = 0, tgid = bpf_get_current_pid_tgid() >> 32;
	struct sonde_exec_scratch *event = bpf_map_lookup_elem(&exec_scratch, &zero);
	__u64 from = BPF_CORE_READ(task, mm, arg_start), length = BPF_CORE_READ(task, mm, arg_end) - from;

	/* What the process had of rings and Tasks went with the program before. */
	bpf_map_delete_elem(&rings, &tgid);
	forget_task_thread();
	if (!event)
		return 0;
	describe_process(&event->head, SONDE_EVENT_EXEC);
	if (length > SONDE_ARGUMENTS_MAX)
		length = SONDE_ARGUMENTS_MAX;
	asm volatile("%0 &= 511" : "+r"(length));
	if (length > SONDE_ARGUMENTS_MAX || bpf_probe_read_user(event->arguments, length, (void *)from))
		length = 0;
	if (bpf_ringbuf_output(&events, event, sizeof(event->head) + length, BPF_RB_NO_WAKEUP))
		count(SONDE_COUNT_RING_FULL);
	return 0;
}

#define PROT_EXEC 4

/* A file was mapped to be executed: the first time, user space looks what it is. */
static __always_inline int file_mapped(const struct sonde_call *call, bool direct)
{
	struct file *file = 0;
	struct sonde_mapped_key key = {};
	struct sonde_mapping event = { .kind = SONDE_EVENT_MAP, .tgid = bpf_get_current_pid_tgid() >> 32 };
	__u8 one = 1;

	if (!(call->arguments[2] & PROT_EXEC) || (__s32)call->arguments[4] < 0)
		return 0;
	file = file_of_fd((__u32)call->arguments[4], direct);
	if (!file)
		return 0;
	event.inode = BPF_CORE_READ(file, f_inode, i_ino);
	event.device = BPF_CORE_READ(file, f_inode, i_sb, s_dev);
	event.generation = BPF_CORE_READ(file, f_inode, i_generation);
	key.inode = event.inode;
	key.device = event.device;
	key.generation = event.generation;
	if (bpf_map_update_elem(&mapped, &key, &one, BPF_NOEXIST))
		return 0;
	if (bpf_ringbuf_output(&events, &event, sizeof(event), BPF_RB_NO_WAKEUP))
		bpf_map_delete_elem(&mapped, &key);
	return 0;
}

/* include/uapi/linux/io_uring.h, those that only sockets have: the numbers are the kernel's for good. */
static __always_inline bool is_of_sockets(__u8 operation)
{
	switch (operation) {
	case 9: /* sendmsg */
	case 10: /* recvmsg */
	case 13: /* accept */
	case 16: /* connect */
	case 26: /* send */
	case 27: /* recv */
	case 47: /* send without copies */
	case 48: /* sendmsg without copies */
		return true;
	}
	return false;
}

/* The current process had io_uring do something: user space hears of the first that is of a socket. */
static __always_inline int ring_works(__u8 operation)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	struct sonde_process event;
	__u8 one = 1;

	if (!is_of_sockets(operation) || bpf_map_update_elem(&rings, &tgid, &one, BPF_NOEXIST))
		return 0;
	describe_process(&event, SONDE_EVENT_RING);
	return tell_of_process(&event);
}

/* A process ends with its last thread, which need not be its first. Its number may come back for another at once. */
static __always_inline int thread_ended(void)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	struct sonde_process event;

	forget_task_thread();
	if (BPF_CORE_READ(task, signal, live.counter) > 0)
		return 0;
	bpf_map_delete_elem(&excluded_tgids, &tgid);
	bpf_map_delete_elem(&rings, &tgid);
	bpf_map_delete_elem(&process_budgets, &tgid);
	describe_process(&event, SONDE_EVENT_EXIT);
	event.exit_status = BPF_CORE_READ(task, signal, flags) & SIGNAL_GROUP_EXIT ?
				    BPF_CORE_READ(task, signal, group_exit_code) :
				    BPF_CORE_READ(task, group_leader, exit_code);
	return tell_of_process(&event);
}
