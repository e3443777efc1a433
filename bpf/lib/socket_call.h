/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A system call that may move bytes over a socket, the same from whichever hook it was learnt. */
#pragma once

#include "../include/sonde_event.h"

#ifndef __TARGET_ARCH_x86
#error "system call numbers and registers are known for x86-64 only"
#endif

/* How the bytes are named by the arguments. */
enum sonde_shape {
	SONDE_SHAPE_BUFFER,
	SONDE_SHAPE_IOVEC,
	SONDE_SHAPE_MSGHDR,
	/* sendfile: they never are in the program's memory; only their number is known. */
	SONDE_SHAPE_FILE,
};

struct sonde_call {
	/* Address of the buffer, of the iovecs or of the msghdr. */
	__u64 buffer;
	/* Number of iovecs. */
	__u64 count;
	__u32 fd;
	/* MSG_* */
	__u32 flags;
	__u8 direction;
	__u8 shape;
	__u8 pad[6];
};

enum sonde_syscall {
	SONDE_READ = 0,
	SONDE_WRITE = 1,
	SONDE_READV = 19,
	SONDE_WRITEV = 20,
	SONDE_SENDFILE = 40,
	SONDE_SENDTO = 44,
	SONDE_RECVFROM = 45,
	SONDE_SENDMSG = 46,
	SONDE_RECVMSG = 47,
};

#define SONDE_BIT(number) (1ULL << (number))
#define SONDE_SYSCALLS                                                                                                  \
	(SONDE_BIT(SONDE_READ) | SONDE_BIT(SONDE_WRITE) | SONDE_BIT(SONDE_READV) | SONDE_BIT(SONDE_WRITEV) |            \
	 SONDE_BIT(SONDE_SENDFILE) | SONDE_BIT(SONDE_SENDTO) | SONDE_BIT(SONDE_RECVFROM) | SONDE_BIT(SONDE_SENDMSG) |   \
	 SONDE_BIT(SONDE_RECVMSG))

static __always_inline bool sonde_is_traced(__u64 number)
{
	return number < 64 && (SONDE_SYSCALLS >> number) & 1;
}

/* Arguments one to four of a traced system call, in its own terms, as a call. */
static __always_inline void sonde_describe(struct sonde_call *call, __u64 number, __u64 one, __u64 two, __u64 three,
					   __u64 four)
{
	call->fd = one;
	call->buffer = two;
	call->count = three;
	call->flags = 0;
	call->shape = SONDE_SHAPE_BUFFER;
	call->direction = SONDE_INGRESS;
	if (number == SONDE_WRITE || number == SONDE_WRITEV || number == SONDE_SENDFILE || number == SONDE_SENDTO ||
	    number == SONDE_SENDMSG)
		call->direction = SONDE_EGRESS;
	if (number == SONDE_READV || number == SONDE_WRITEV)
		call->shape = SONDE_SHAPE_IOVEC;
	if (number == SONDE_SENDFILE)
		call->shape = SONDE_SHAPE_FILE;
	if (number == SONDE_SENDTO || number == SONDE_RECVFROM)
		call->flags = four;
	if (number == SONDE_SENDMSG || number == SONDE_RECVMSG) {
		call->shape = SONDE_SHAPE_MSGHDR;
		call->flags = three;
	}
}
