/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * A process makes a ring of io_uring: what it sends and receives by that is no system call of its own, and not seen. Here only
 * that it does: a ring is made rarely, so this costs nothing.
 * raw_tp, also beside tp_btf: a kernel without io_uring then loads the object all the same, and only the attaching fails.
 * Kernels from 5.2. Context: the calling thread.
 */
#pragma once

SEC("raw_tp/io_uring_create")
int sonde_ring_raw(void *ctx)
{
	return ring_made();
}

SEC("tp/io_uring/io_uring_create")
int sonde_ring_tp(void *ctx)
{
	return ring_made();
}
