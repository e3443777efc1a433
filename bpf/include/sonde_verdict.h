/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What user space tells the kernel side of sockets and servers. Laid out in layout.gen.ts like events. */
#pragma once

/* Numbers of L7Protocol, and one that is none. */
enum sonde_verdict {
	SONDE_VERDICT_LEAVE = 255, /* nobody wants to see its bytes */
};

/* One connection: the identity that its events carry. */
struct sonde_socket_key {
	__u64 socket;
	__u32 generation;
	__u32 is_tls; /* its plaintext */
};

/* The listening end of connections to come. */
struct sonde_server_key {
	__u32 netns;
	__u16 port; /* host byte order */
	__u16 is_tls; /* what is said within TLS */
	__u8 ip[16]; /* IPv4 as ::ffff:a.b.c.d */
};
