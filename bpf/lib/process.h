/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#pragma once

/* Tells user space that the current process began a program or ended. */
static __always_inline int process_event(__u32 kind)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct sonde_process event = {
		.kind = kind,
		.tgid = bpf_get_current_pid_tgid() >> 32,
		.time_ns = bpf_ktime_get_ns(),
		.parent_tgid = BPF_CORE_READ(task, real_parent, tgid),
	};

	bpf_get_current_comm(event.comm, sizeof(event.comm));
	if (bpf_ringbuf_output(&events, &event, sizeof(event), BPF_RB_NO_WAKEUP))
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

/* What the process had of rings went with the program before. */
static __always_inline int program_begins(void)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;

	bpf_map_delete_elem(&rings, &tgid);
	return process_event(SONDE_EVENT_EXEC);
}

/* The current process made a ring of io_uring: user space hears of its first. */
static __always_inline int ring_made(void)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	__u8 one = 1;

	return bpf_map_update_elem(&rings, &tgid, &one, BPF_NOEXIST) ? 0 : process_event(SONDE_EVENT_RING);
}

/* A process ends with its last thread, which need not be its first. Its number may come back for another at once. */
static __always_inline int thread_ended(void)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;

	if (BPF_CORE_READ(task, signal, live.counter) > 0)
		return 0;
	bpf_map_delete_elem(&excluded_tgids, &tgid);
	bpf_map_delete_elem(&rings, &tgid);
	return process_event(SONDE_EVENT_EXIT);
}
