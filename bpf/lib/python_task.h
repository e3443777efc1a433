/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Which Task of Python's asyncio makes a system call. Each step of a Task is one call of the interpreter by its module _asyncio, with the
 * Task's coroutine (PyIter_Send; before 3.10 _PyGen_Send; its method `throw`), so that between the beginning and the end of that call the thread works for
 * this Task, and outside of such calls for the loop. No field of a Task is read. A Task is known by an id that no other Task has: where its
 * coroutine lies another one will lie.
 */
#pragma once

/* Whether any process is hooked: without, a call pays a load. Written by user space while programs run, hence not in .bss. */
volatile __u32 follows_tasks SEC(".data") = 0;

/* struct _object of CPython: a count of references, then the type */
#define PYTHON_TYPE 8

/*
 * Whether the coroutine is over, by what PyIter_Send returns: 0 when it returned, -1 when it raised, 1 when it waits. The older function
 * returns an object when it waits, else none.
 */
static __always_inline bool is_coroutine_over(__u64 result)
{
	return !result || (__u32)result == 0xffffffffU;
}

static __always_inline __u64 task_id(const struct sonde_task *task)
{
	return SONDE_TASK_ID | (task->begun_ns & (SONDE_TASK_ID - 1));
}

/* The innermost step in progress, of those that are known. */
static __always_inline struct sonde_task_step *inner_step(struct sonde_task_thread *thread)
{
	__u32 at = thread->depth;

	if (at == 0)
		return 0;
	if (at > SONDE_TASK_DEPTH)
		at = SONDE_TASK_DEPTH;
	at = (at - 1) & (SONDE_TASK_DEPTH - 1);
	return &thread->steps[at];
}

/* Drops steps whose end was missed: the thread's stack is above them again. */
static __always_inline void drop_steps(struct sonde_task_thread *thread, __u64 sp)
{
#pragma unroll
	for (int i = 0; i < SONDE_TASK_DEPTH; i++) {
		struct sonde_task_step *step = inner_step(thread);

		if (!step || step->sp > sp)
			return;
		thread->depth = (thread->depth > SONDE_TASK_DEPTH ? SONDE_TASK_DEPTH : thread->depth) - 1;
	}
}

/* Id of the Task for which the current thread makes a call that user space is told of; 0: none. `sp` of the call; 0: not known. */
static __always_inline __u64 running_task(__u64 sp)
{
	struct sonde_task_thread *thread;
	struct sonde_task_step *step;
	__u64 id;

	if (!follows_tasks)
		return 0;
	id = bpf_get_current_pid_tgid();
	thread = bpf_map_lookup_elem(&task_threads, &id);
	if (!thread || thread->depth > SONDE_TASK_DEPTH)
		return 0;
	step = inner_step(thread);
	if (!step || sp >= step->sp)
		return 0;
	step->has_moved = 1;
	return step->task;
}

/* The goroutine or Task that makes the call; 0: none is known. */
static __always_inline __u64 coroutine_of(const struct sonde_call *call)
{
	__u64 goroutine = goroutine_of(call);

	return goroutine ? goroutine : running_task(call->sp);
}

static __always_inline struct sonde_task *add_task(const struct sonde_task_key *key, const struct sonde_task_step *creator)
{
	struct sonde_task task = { .begun_ns = bpf_ktime_get_ns() };

	if (creator) {
		task.creator = creator->task;
		task.creator_coroutine = creator->coroutine;
	}
	bpf_map_update_elem(&tasks, key, &task, BPF_ANY);
	return bpf_map_lookup_elem(&tasks, key);
}

static __always_inline int task_step_begins(__u64 coroutine, __u64 sp)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct sonde_task_key key = { .coroutine = coroutine, .tgid = id >> 32 };
	struct sonde_task_thread *thread, fresh = {};
	struct sonde_task_step *step;
	struct sonde_task *task;

	if (is_excluded_process(key.tgid))
		return 0;
	thread = bpf_map_lookup_elem(&task_threads, &id);
	if (!thread) {
		bpf_map_update_elem(&task_threads, &id, &fresh, BPF_ANY);
		thread = bpf_map_lookup_elem(&task_threads, &id);
		if (!thread)
			return 0;
	}
	drop_steps(thread, sp);
	task = bpf_map_lookup_elem(&tasks, &key);
	if (!task) {
		task = add_task(&key, 0);
		thread->type = read_word(coroutine + PYTHON_TYPE);
	}
	if (!task || thread->depth >= SONDE_TASK_DEPTH) {
		thread->depth = SONDE_TASK_DEPTH + 1;
		return 0;
	}
	task->has_begun = 1;
	thread->depth++;
	step = inner_step(thread);
	if (!step)
		return 0;
	step->task = task_id(task);
	step->coroutine = coroutine;
	step->sp = sp;
	step->has_moved = 0;
	return 0;
}

/* The Task that made this one, unless it is over; that is told of as well: what its child called may be its own. */
static __always_inline __u64 tell_creator(const struct sonde_task *task, __u32 tgid)
{
	struct sonde_task_key key = { .coroutine = task->creator_coroutine, .tgid = tgid };
	struct sonde_task *creator = bpf_map_lookup_elem(&tasks, &key);

	if (!creator || task_id(creator) != task->creator)
		return 0;
	creator->is_told = 1;
	return task->creator;
}

static __always_inline void task_ends(const struct sonde_task_key *key, const struct sonde_task_step *step)
{
	struct sonde_task *known = bpf_map_lookup_elem(&tasks, key), task;
	struct sonde_task_end event = {
		.kind = SONDE_EVENT_TASK_END,
		.tgid = key->tgid,
		.time_ns = bpf_ktime_get_ns(),
		.task = step->task,
	};

	if (!known || task_id(known) != step->task)
		return;
	task = *known;
	bpf_map_delete_elem(&tasks, key);
	if (!task.is_told && !step->has_moved)
		return;
	if (task.creator)
		event.creator = tell_creator(&task, key->tgid);
	event.begun_ns = task.begun_ns;
	if (bpf_ringbuf_output(&events, &event, sizeof(event), BPF_RB_NO_WAKEUP))
		count(SONDE_COUNT_RING_FULL);
}

/* `sp`: behind the return of the interpreter's function. */
static __always_inline int task_step_ends(bool is_over, __u64 sp)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct sonde_task_thread *thread = bpf_map_lookup_elem(&task_threads, &id);
	struct sonde_task_key key = { .tgid = id >> 32 };
	struct sonde_task_step *step, ended;
	struct sonde_task *task;

	if (!thread)
		return 0;
	/* Those within it are over, too; a hook behind the call sees the same stack as the one before it. */
	drop_steps(thread, sp - 2 * sizeof(__u64));
	step = inner_step(thread);
	if (!step || step->sp > sp)
		return 0;
	ended = *step;
	drop_steps(thread, sp);
	key.coroutine = ended.coroutine;
	if (is_over) {
		task_ends(&key, &ended);
	} else if (ended.has_moved) {
		task = bpf_map_lookup_elem(&tasks, &key);
		if (task && task_id(task) == ended.task)
			task->is_told = 1;
	}
	return 0;
}

/* The value, if it points to a coroutine, and that is not the one of this step. */
static __always_inline __u64 coroutine_in(__u64 value, const struct sonde_task_thread *thread, const struct sonde_task_step *step)
{
	if (!value || value & (sizeof(__u64) - 1) || (step && value == step->coroutine))
		return 0;
	return read_word(value + PYTHON_TYPE) == thread->type ? value : 0;
}

/*
 * Something is thrown into a coroutine: its method `throw` is called, with it as the first of the arguments, an array of which the second
 * argument points to (before 3.9: as the first argument). Methods of other objects may be called in the same place.
 */
static __always_inline int task_throw_begins(__u64 first, __u64 second, __u64 sp)
{
	__u64 id = bpf_get_current_pid_tgid(), coroutine;
	struct sonde_task_thread *thread = bpf_map_lookup_elem(&task_threads, &id);

	if (!thread || !thread->type)
		return 0;
	coroutine = coroutine_in(read_word(second), thread, 0);
	if (!coroutine)
		coroutine = coroutine_in(first, thread, 0);
	return coroutine ? task_step_begins(coroutine, sp) : 0;
}

/*
 * A Task is being made: the module copies the context for it. It goes on with the Task's coroutine afterwards, so that this is in a
 * register that the function called must not change; which one is the compiler's choice. When several coroutines are there, it is not known.
 */
static __always_inline int task_is_made(const struct pt_regs *registers)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct sonde_task_thread *thread = bpf_map_lookup_elem(&task_threads, &id);
	struct sonde_task_key key = { .tgid = id >> 32 };
	__u64 kept[] = { registers->bx, registers->bp, registers->r12, registers->r13, registers->r14, registers->r15 };
	struct sonde_task_step *step;
	struct sonde_task *known;

	if (!thread || !thread->type || thread->depth > SONDE_TASK_DEPTH)
		return 0;
	drop_steps(thread, registers->sp);
	step = inner_step(thread);
#pragma unroll
	for (int i = 0; i < 6; i++) {
		__u64 coroutine = coroutine_in(kept[i], thread, step);

		if (!coroutine || coroutine == key.coroutine)
			continue;
		if (key.coroutine)
			return 0;
		key.coroutine = coroutine;
	}
	if (!key.coroutine)
		return 0;
	/* What was left in a register may be of a Task that is known; what never made a step may have been another coroutine. */
	known = bpf_map_lookup_elem(&tasks, &key);
	if (!known || !known->has_begun)
		add_task(&key, step);
	return 0;
}

/* The current thread ends, maybe within a step, or begins another program: what comes under its number is in none. */
static __always_inline void forget_task_thread(void)
{
	__u64 id = bpf_get_current_pid_tgid();

	if (follows_tasks)
		bpf_map_delete_elem(&task_threads, &id);
}
