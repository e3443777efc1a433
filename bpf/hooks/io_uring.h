/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * A process has io_uring work with a socket: what that moves is no system call of its own, and not seen. Here only that it does. Many have
 * rings that move nothing (Node's event loop) or read files, so it is the operation that tells.
 * raw_tp, also beside tp_btf: where the kernel has no such tracepoint, the object is loaded all the same and only the attaching
 * fails. io_uring_submit_req from 6.3, io_uring_submit_sqe from 5.5. Costs some 50 ns an operation of io_uring, and nothing else anything.
 * Context: the thread that submits, or one that the kernel has for the ring in the same process.
 */
#pragma once

/* A kernel without io_uring does not know requests; what would be read of one is left out there. */
static __always_inline int request_submitted(struct io_kiocb *request)
{
	return bpf_core_field_exists(request->opcode) ? ring_works(BPF_CORE_READ(request, opcode)) : 0;
}

SEC("raw_tp/io_uring_submit_req")
int sonde_ring_req(struct bpf_raw_tracepoint_args *ctx)
{
	return request_submitted((struct io_kiocb *)ctx->args[0]);
}

/* Its arguments were others with nearly every release: context, request, operation; context, operation; request, flag. */
SEC("raw_tp/io_uring_submit_sqe")
int sonde_ring_sqe(struct bpf_raw_tracepoint_args *ctx)
{
	struct io_kiocb *request = (struct io_kiocb *)ctx->args[0];
	__u64 second = ctx->args[1];

	if (second > 0xffff)
		return ring_works(ctx->args[2]);
	if (second > 1)
		return ring_works(second);
	/* An operation of the number 0 or 1 is of no socket; where it is a flag, requests have this field. */
	return bpf_core_field_exists(request->cqe) ? request_submitted(request) : 0;
}
