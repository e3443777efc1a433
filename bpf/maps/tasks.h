/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#pragma once
/* The coroutine of a Task is where the interpreter keeps it, in the memory of one process; its place is taken again. */
struct sonde_task_key {
	__u64 coroutine;
	__u32 tgid;
	__u32 pad;
};

struct sonde_task {
	__u64 begun_ns;          /* when it was made, or first seen; its id comes of that */
	__u64 creator;           /* id of the Task that made it; 0: none did, or it was not seen */
	__u64 creator_coroutine;
	__u32 is_told;           /* user space knows of bytes that it moved */
	__u32 has_begun;         /* a step of it was seen */
};

/* tasks: Tasks that are not over. The least recently used is forgotten: a new one, of which nobody knows who made it, at its next step. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct sonde_task_key);
	__type(value, struct sonde_task);
} tasks SEC(".maps");

/* Steps that one thread makes within each other: a Task that begins eagerly does within the step that makes it. */
#define SONDE_TASK_DEPTH 4

struct sonde_task_step {
	__u64 task;      /* its id */
	__u64 coroutine;
	__u64 sp;        /* of the thread, when the step began: while it goes on the stack is below */
	__u64 has_moved; /* bytes of which user space was told */
};

struct sonde_task_thread {
	__u64 type;  /* of the coroutines that it runs: where the interpreter keeps it */
	__u32 depth; /* steps in progress; more than SONDE_TASK_DEPTH: the innermost is not known */
	__u32 pad;
	struct sonde_task_step steps[SONDE_TASK_DEPTH];
};

/* task_threads: by thread (tgid << 32 | tid). The least recently used is forgotten: its step in progress is not known. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct sonde_task_thread);
} task_threads SEC(".maps");
