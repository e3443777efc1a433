/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Connections by TCP's own counters, which are there whether anybody looks or not: system calls pay nothing for it, and what moves
 * without being seen (io_uring, sendmmsg, 32-bit programs) is counted all the same.
 */
#pragma once

/* Not one that is left alone for its process or its ports. */
static __always_inline bool is_flow_told(const struct sonde_socket_state *state, __u32 ports)
{
	return scope_of_ports(ports) != SONDE_SCOPE_NONE && scope_of_process(state->tgid) != SONDE_SCOPE_NONE;
}

static __always_inline __u32 segments_of(struct sock *sk, bool direct)
{
	struct tcp_sock *tcp = (struct tcp_sock *)sk;

	return READ(direct, tcp, segs_in) + READ(direct, tcp, segs_out);
}

static __always_inline void read_flow(struct sonde_flow *flow, struct sock *sk, const struct sonde_socket_state *state, __u32 ports)
{
	struct tcp_sock *tcp = (struct tcp_sock *)sk;

	flow->kind = SONDE_EVENT_FLOW;
	flow->generation = state->generation;
	flow->time_ns = bpf_ktime_get_ns();
	flow->socket = (__u64)sk;
	flow->begun_ns = state->begun_ns;
	/* What the host's own queue refused is not counted as sent again, and so twice; that is rare. */
	flow->sent = BPF_CORE_READ(tcp, bytes_sent) - BPF_CORE_READ(tcp, bytes_retrans);
	/* The other side's FIN is counted like a byte. */
	flow->received = BPF_CORE_READ(tcp, bytes_received);
	if (flow->received && has_fin(sk, false))
		flow->received--;
	flow->segments_sent = BPF_CORE_READ(tcp, segs_out);
	flow->segments_received = BPF_CORE_READ(tcp, segs_in);
	flow->retransmitted = BPF_CORE_READ(tcp, total_retrans);
	if (bpf_core_field_exists(tcp->rcv_ooopack))
		flow->out_of_order = BPF_CORE_READ(tcp, rcv_ooopack);
	/* include/linux/tcp.h: eighths of a microsecond */
	flow->srtt_us = BPF_CORE_READ(tcp, srtt_us) >> 3;
	flow->tgid = state->tgid;
	flow->local_listener = listener_of(state->netns, ports >> 16);
	flow->remote_listener = listener_of(state->netns, ports);
	flow->netns = state->netns;
	flow->local_port = ports >> 16;
	flow->remote_port = ports;
	flow->role = state->role;
	flow->is_late = state->is_late;
	flow->owner = state->owner;
	read_both_addresses(sk, flow->local_ip, flow->remote_ip, false);
}

/* The connection is over. `from`: the state that it leaves. */
static __always_inline void flow_ended(struct sock *sk, struct sonde_socket_state *state, __u8 from)
{
	struct sonde_flow flow = {};
	__u32 ports = ports_of(sk, false);

	if (!is_flow_told(state, ports))
		return;
	read_flow(&flow, sk, state, ports);
	flow.left = from;
	flow.error = BPF_CORE_READ(sk, sk_err);
	if (bpf_ringbuf_output(&events, &flow, sizeof(flow), BPF_RB_NO_WAKEUP))
		count(SONDE_COUNT_RING_FULL);
}

/* Without room it is asked for again by the next read. */
static __always_inline void tell_flow(struct seq_file *output, struct sock *sk, struct sonde_socket_state *state, __u32 segments)
{
	__u8 tcp_state = BPF_CORE_READ(sk, __sk_common.skc_state);
	struct sonde_flow flow = {};

	if (tcp_state == 0 || tcp_state == TCP_CLOSE || tcp_state >= TCP_LISTEN || !is_flow_told(state, state->ports))
		return;
	read_flow(&flow, sk, state, state->ports);
	if (bpf_seq_write(output, &flow, sizeof(flow)))
		return;
	state->told = segments;
	state->told_in = this_second() ?: 1;
}

/*
 * One entry of `sockets` for the iterator: told when something moved since it was last told of. An entry whose socket is gone names
 * memory that is something else by now: another connection has other ports, and what is no open connection is passed over. Most
 * connections of a host with many are idle: for their sake `direct` (lib/read.h).
 */
static __always_inline int flow_goes_on(struct seq_file *output, __u64 address, struct sonde_socket_state *state, bool direct)
{
	struct sock *sk = (struct sock *)AS_KIND(direct, struct tcp_sock, (void *)address);
	__u32 segments;

	if (state->is_over || state->closing || ports_of(sk, direct) != state->ports)
		return 0;
	segments = segments_of(sk, direct);
	if (!state->told_in || segments != state->told || this_second() - state->told_in >= flow_idle_seconds)
		tell_flow(output, (struct sock *)address, state, segments);
	return 0;
}

/* A descriptor of a process: whose a connection is, and connections and listeners older than the programs. */
static __always_inline int descriptor_held(struct file *file, __u32 tgid)
{
	struct sock *sk = inet_socket_of_file(file, false);
	struct sonde_socket_state *state;
	__u8 tcp_state;

	if (!sk || BPF_CORE_READ(sk, sk_protocol) != IPPROTO_TCP)
		return 0;
	tcp_state = BPF_CORE_READ(sk, __sk_common.skc_state);
	if (tcp_state == TCP_LISTEN)
		socket_listens(sk, tgid, BPF_NOEXIST);
	/* Before it is connected it may have no port, and is told of anyway. */
	if (tcp_state == TCP_LISTEN || tcp_state == TCP_CLOSE || tcp_state == TCP_SYN_SENT)
		return 0;
	state = socket_state(sk, ports_of(sk, false));
	if (state)
		own(state, tgid);
	return 0;
}
