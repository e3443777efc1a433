/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Two ways to read a field of a kernel structure. By helper (bpf_probe_read_kernel): everywhere, some 30 ns a field. Direct: a plain
 * load, where the verifier knows what a pointer points to; bpf_rdonly_cast (6.2) tells it. `direct` is a constant in every caller,
 * so that only one of the two is compiled.
 */
#pragma once

/* Weak: where it is missing, programs that need it are not loaded and the others are. */
extern void *bpf_rdonly_cast(const void *object, __u32 btf_id) __ksym __weak;

#define READ(direct, pointer, field) ((direct) ? (pointer)->field : BPF_CORE_READ(pointer, field))

/* A pointer of an unknown kind becomes one whose fields can be read; nothing happens when fields are read by helper. */
#define AS_KIND(direct, kind, pointer) \
	((direct) ? (kind *)bpf_rdonly_cast(pointer, bpf_core_type_id_kernel(kind)) : (kind *)(pointer))

static __always_inline struct task_struct *current_task(bool direct)
{
	return direct ? bpf_get_current_task_btf() : (struct task_struct *)bpf_get_current_task();
}

/* Of the current process; 0 where none can be read. */
static __always_inline __u64 read_word(__u64 address)
{
	__u64 word = 0;

	return bpf_probe_read_user(&word, sizeof(word), (const void *)address) ? 0 : word;
}
