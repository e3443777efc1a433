/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Who opened a connection, and when it is over. A TCP state change is rare next to data, so this costs nothing that shows.
 * tp_btf from 5.5, raw_tp from 4.17, tp (with tracefs) from 4.16. Context: any; the current process may be a stranger.
 */
#pragma once

SEC("tp_btf/inet_sock_set_state")
int sonde_state_btf(__u64 *ctx)
{
	socket_state_changed((struct sock *)ctx[0], (int)ctx[1], (int)ctx[2]);
	return 0;
}

SEC("raw_tp/inet_sock_set_state")
int sonde_state_raw(struct bpf_raw_tracepoint_args *ctx)
{
	socket_state_changed((struct sock *)ctx->args[0], (int)ctx->args[1], (int)ctx->args[2]);
	return 0;
}

SEC("tp/sock/inet_sock_set_state")
int sonde_state_tp(struct trace_inet_sock_set_state *ctx)
{
	socket_state_changed((struct sock *)ctx->skaddr, ctx->oldstate, ctx->newstate);
	return 0;
}
