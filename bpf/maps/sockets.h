/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#pragma once
/* One direction of a connection, for telling whether a sequence number can be trusted. */
struct sonde_stream {
	__u32 next;   /* sequence number after the last byte seen; 0 unknown */
	__u32 thread; /* the last that moved bytes this way; 0 none yet */
};

/* What is known of one open socket. */
struct sonde_socket_state {
	__u32 generation; /* tells apart the connections that share a socket's address one after the other */
	__u32 ports;      /* local << 16 | remote: a change means another connection */
	struct sonde_stream sent;
	struct sonde_stream received;
	__u32 netns;
	__u32 refused_in; /* second in which an offer was refused; none follows in the same */
	__u8 protocol;  /* 0: not recognised yet; sonde_verdict */
	__u8 offers;    /* payloads given to user space while it was not recognised */
	__u8 calls;     /* since its protocol is known, modulo 256 */
	__u8 role;      /* sonde_role */
	__u8 delivered; /* user space knows this connection */
	__u8 shared;    /* bit by sonde_direction: several threads move bytes that way */
	__u8 closing;  /* over, but with bytes still to be read */
	__u8 is_begun; /* its server was looked up */
	__u8 is_tls;   /* a TLS record was seen */
	__u8 scope;    /* sonde_scope of its ports */
	__u8 owner;    /* sonde_owner: how `tgid` is known */
	__u8 is_late;  /* it was there before it was first seen */
	__u8 is_over;
	__u8 pad[3];
	__u32 scope_epoch; /* epoch of limits in which `scope` was decided, plus 1; 0 not yet */
	__u32 tgid;        /* of the process that it belongs to */
	__u32 numbered; /* events that were made of it */
	__u32 told;     /* segments in both directions when it was last told of */
	__u64 tls_session; /* address of the session whose records it carries; 0 unknown */
	__u64 lent_to;     /* goroutine for which another one writes to it; 0 unknown */
	__u64 begun_ns;
	__u32 told_in; /* the second in which it was last told of */
	__u32 pad2;
};

/* sockets: state by address of the kernel's struct sock. Least recently used entries make room. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, __u64);
	__type(value, struct sonde_socket_state);
} sockets SEC(".maps");
