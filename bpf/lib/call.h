/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The system calls that move bytes over sockets: their numbers, and what their arguments say. */
#pragma once

enum call_shape {
	CALL_BUFFER,  /* the second argument points to the bytes */
	CALL_VECTOR,  /* ... to an array of iovec, the third is its length */
	CALL_MESSAGE, /* ... to a msghdr */
	CALL_MESSAGES, /* ... to an array of mmsghdr; the call returns how many of them it moved */
	CALL_MAPPING, /* maps a file: no bytes move */
	CALL_UNSEEN,  /* the bytes never lie in this process's memory: only their number is known */
};

struct call_kind {
	__u8 is_followed;
	__u8 direction; /* sonde_direction */
	__u8 shape;     /* call_shape */
};

#if defined(__TARGET_ARCH_x86)
#define NR_SENDTO 44
#define NR_RECVFROM 45
#define NR_RECVMSG 47
#define NR_SPLICE 275
#define NR_RECVMMSG 299

static __always_inline struct call_kind kind_of_call(__u64 nr)
{
	switch (nr) {
	case 0: /* read */
	case NR_RECVFROM:
		return (struct call_kind){ 1, SONDE_INGRESS, CALL_BUFFER };
	case 1: /* write */
	case NR_SENDTO:
		return (struct call_kind){ 1, SONDE_EGRESS, CALL_BUFFER };
	case 9: /* mmap */
		return (struct call_kind){ 1, SONDE_INGRESS, CALL_MAPPING };
	case 19: /* readv */
		return (struct call_kind){ 1, SONDE_INGRESS, CALL_VECTOR };
	case 20: /* writev */
		return (struct call_kind){ 1, SONDE_EGRESS, CALL_VECTOR };
	case NR_RECVMSG:
		return (struct call_kind){ 1, SONDE_INGRESS, CALL_MESSAGE };
	case 46: /* sendmsg */
		return (struct call_kind){ 1, SONDE_EGRESS, CALL_MESSAGE };
	case NR_RECVMMSG:
		return (struct call_kind){ 1, SONDE_INGRESS, CALL_MESSAGES };
	case 307: /* sendmmsg */
		return (struct call_kind){ 1, SONDE_EGRESS, CALL_MESSAGES };
	case 40: /* sendfile: the first argument is the descriptor written to */
		return (struct call_kind){ 1, SONDE_EGRESS, CALL_UNSEEN };
	case NR_SPLICE: /* out of a socket; into one is found out from the third argument */
		return (struct call_kind){ 1, SONDE_INGRESS, CALL_UNSEEN };
	}
	return (struct call_kind){};
}

#ifndef SONDE_COMPAT
/* arch/x86/include/asm/thread_info.h: the call came by the 32-bit entry, so its number means another call. */
#define TS_COMPAT 2

static __always_inline bool is_compat_call(bool direct)
{
	struct task_struct *task = current_task(direct);

	return READ(direct, task, thread_info.status) & TS_COMPAT;
}
#endif
#else
#error "system call numbers of this architecture are not written down yet"
#endif

/* include/linux/socket.h */
#define MSG_OOB 0x1
#define MSG_PEEK 0x2
#define MSG_TRUNC 0x20
#define MSG_ERRQUEUE 0x2000

/* Receives that take nothing out of the stream: a look ahead, the urgent byte beside it, the error queue. */
#define MSG_BESIDE (MSG_OOB | MSG_PEEK | MSG_ERRQUEUE)

static __always_inline __u64 receive_flags(const struct sonde_call *call)
{
	if (call->nr == NR_RECVFROM || call->nr == NR_RECVMMSG)
		return call->arguments[3];
	if (call->nr == NR_RECVMSG)
		return call->arguments[2];
	return 0;
}
