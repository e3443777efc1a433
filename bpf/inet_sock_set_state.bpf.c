// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Hook: every change of a TCP socket's state. The step to ESTABLISHED tells who opened the connection, the step to CLOSE
 * that its address in the kernel will be used for another.
 * Kernels: the tracepoint is there since 4.16; tp_btf, then raw_tp, then tp.
 * Context: any process or a softirq; the current process is not the socket's owner.
 */
#include "lib/socket_state.h"

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(sonde_state_btf, struct sock *sk, int old, int new)
{
	return sonde_on_state(sk, old, new);
}

SEC("raw_tp/inet_sock_set_state")
int sonde_state_raw(struct bpf_raw_tracepoint_args *context)
{
	return sonde_on_state((struct sock *)context->args[0], context->args[1], context->args[2]);
}

/* Layout of tracefs `events/sock/inet_sock_set_state/format`. */
struct sonde_state_change {
	__u64 common;
	struct sock *sk;
	int old;
	int new;
};

SEC("tp/sock/inet_sock_set_state")
int sonde_state_tp(struct sonde_state_change *context)
{
	return sonde_on_state(context->sk, context->old, context->new);
}
