// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Hook: enter and exit tracepoint of each traced system call, for kernels that refuse raw tracepoints. Arguments wait in a
 * hash from enter to exit. Dearer than sys_exit.bpf.c, and each detach waits about 50 ms for RCU.
 * Kernels: 5.8 and later with tracefs mounted (the event's number is read there).
 * Context: the calling process, preemption off. Calls by 32-bit numbers do not come here.
 */
#include "lib/socket_data.h"
#include "maps/in_flight.h"

/* Layouts of tracefs `events/syscalls/.../format`. */
struct sonde_enter {
	__u64 common;
	__u64 number;
	__u64 arguments[4];
};

struct sonde_exit {
	__u64 common;
	__u64 number;
	__s64 returned;
};

static __always_inline int sonde_on_enter(struct sonde_enter *context, __u64 number)
{
	__u64 thread = bpf_get_current_pid_tgid();
	__u32 tgid = thread >> 32;
	struct sonde_call call = {};

	if (bpf_map_lookup_elem(&excluded_tgids, &tgid))
		return 0;
	sonde_describe(&call, number, context->arguments[0], context->arguments[1], context->arguments[2],
		       context->arguments[3]);
	if (bpf_map_update_elem(&in_flight, &thread, &call, BPF_ANY))
		sonde_count(SONDE_COUNTER_STATE_DROPS, 1);
	return 0;
}

static __always_inline int sonde_on_exit(struct sonde_exit *context)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct sonde_call *waiting = bpf_map_lookup_elem(&in_flight, &thread);
	struct sonde_call call;

	if (!waiting)
		return 0;
	call = *waiting;
	bpf_map_delete_elem(&in_flight, &thread);
	return sonde_on_call(&call, context->returned);
}

#define SONDE_PAIR(name, number)                                                                                        \
	SEC("tp/syscalls/sys_enter_" #name) int sonde_enter_##name(struct sonde_enter *context)                         \
	{                                                                                                               \
		return sonde_on_enter(context, number);                                                                 \
	}                                                                                                               \
	SEC("tp/syscalls/sys_exit_" #name) int sonde_exit_##name(struct sonde_exit *context)                            \
	{                                                                                                               \
		return sonde_on_exit(context);                                                                          \
	}

SONDE_PAIR(read, SONDE_READ)
SONDE_PAIR(write, SONDE_WRITE)
SONDE_PAIR(readv, SONDE_READV)
SONDE_PAIR(writev, SONDE_WRITEV)
SONDE_PAIR(sendfile64, SONDE_SENDFILE)
SONDE_PAIR(sendto, SONDE_SENDTO)
SONDE_PAIR(recvfrom, SONDE_RECVFROM)
SONDE_PAIR(sendmsg, SONDE_SENDMSG)
SONDE_PAIR(recvmsg, SONDE_RECVMSG)
