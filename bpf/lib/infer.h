/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The protocols that are certain from the first bytes of a payload and cheap to tell; all others are decided by user space
 * (lib/offer.h). Reads at most 16 bytes; numbers are those of L7Protocol.
 */
#pragma once

#define L7_UNKNOWN 0
#define L7_HTTP1 20
#define L7_HTTP2 21
#define L7_REDIS 80
#define L7_FIRST_MESSAGING 100
#define L7_LAST_MESSAGING 119
#define L7_DNS 120
#define L7_TLS 121

#define WORD(a, b, c, d) ((__u32)(a) | (__u32)(b) << 8 | (__u32)(c) << 16 | (__u32)(d) << 24)

static __always_inline bool is_digit(__u8 c)
{
	return c >= '0' && c <= '9';
}

/* At most 8 bytes; unrolled, so that no byte of `text` is a load. */
static __always_inline bool begins(const __u8 *p, const char *text, __u32 length)
{
#pragma unroll
	for (__u32 i = 0; i < 8; i++)
		if (i < length && p[i] != text[i])
			return false;
	return true;
}

/* Where the target begins behind the rest of a method of which the first four letters are known; 0: another method. */
#define REST(p, text) (begins((p) + 4, text, sizeof(text) - 1) ? 3 + sizeof(text) : 0)

/* The methods are those of src/agent/protocol/http1/detect.ts. */
static __always_inline __u32 after_method(const __u8 *p)
{
	switch (WORD(p[0], p[1], p[2], p[3])) {
	case WORD('G', 'E', 'T', ' '):
	case WORD('P', 'U', 'T', ' '):
		return 4;
	case WORD('P', 'O', 'S', 'T'):
	case WORD('H', 'E', 'A', 'D'):
	case WORD('C', 'O', 'P', 'Y'):
	case WORD('M', 'O', 'V', 'E'):
	case WORD('L', 'O', 'C', 'K'):
	case WORD('L', 'I', 'N', 'K'):
		return REST(p, " ");
	case WORD('D', 'E', 'L', 'E'):
		return REST(p, "TE ");
	case WORD('O', 'P', 'T', 'I'):
		return REST(p, "ONS ");
	case WORD('P', 'A', 'T', 'C'):
		return REST(p, "H ");
	case WORD('C', 'O', 'N', 'N'):
		return REST(p, "ECT ");
	case WORD('T', 'R', 'A', 'C'):
		return REST(p, "E ");
	case WORD('P', 'R', 'O', 'P'):
		return REST(p, "FIND ") ?: REST(p, "PATCH ");
	case WORD('M', 'K', 'C', 'O'):
		return REST(p, "L ");
	case WORD('U', 'N', 'L', 'O'):
		return REST(p, "CK ");
	case WORD('S', 'E', 'A', 'R'):
		return REST(p, "CH ");
	case WORD('R', 'E', 'P', 'O'):
		return REST(p, "RT ");
	case WORD('P', 'U', 'R', 'G'):
	case WORD('M', 'E', 'R', 'G'):
		return REST(p, "E ");
	case WORD('N', 'O', 'T', 'I'):
		return REST(p, "FY ");
	case WORD('S', 'U', 'B', 'S'):
		return REST(p, "CRIBE ");
	case WORD('U', 'N', 'S', 'U'):
		return REST(p, "BSCRIBE ");
	case WORD('M', 'K', 'A', 'C'):
		return REST(p, "TIVITY ");
	case WORD('C', 'H', 'E', 'C'):
		return REST(p, "KOUT ");
	case WORD('M', 'K', 'C', 'A'):
		return REST(p, "LENDAR ");
	case WORD('U', 'N', 'L', 'I'):
		return REST(p, "NK ");
	case WORD('Q', 'U', 'E', 'R'):
		return REST(p, "Y ");
	case WORD('M', '-', 'S', 'E'):
		return REST(p, "ARCH ");
	}
	return 0;
}

/* A request line begins with a method, a space and a target, a status line with its version. */
static __always_inline bool looks_http1(const __u8 *p, __u32 length)
{
	__u64 target;
	__u8 c;

	if (length < 4)
		return false;
	if (WORD(p[0], p[1], p[2], p[3]) == WORD('H', 'T', 'T', 'P'))
		return length >= 8 && p[4] == '/' && p[5] == '1' && p[6] == '.';
	target = after_method(p);
	if (target == 0 || target > length)
		return false;
	/* The method came alone, or names a host and port. */
	if (target == length || WORD(p[0], p[1], p[2], p[3]) == WORD('C', 'O', 'N', 'N'))
		return true;
	asm volatile("%0 &= 0xf" : "+r"(target));
	c = p[target];
	return c == '/' || c == '*' || (c | 32) == 'h';
}

/* A command is an array of bulk strings: "*2\r\n$3\r\n". Replies alone are too short to tell. */
static __always_inline bool looks_redis(const __u8 *p, __u32 length)
{
	if (length < 8 || p[0] != '*' || !is_digit(p[1]))
		return false;
	if (p[2] == '\r')
		return p[3] == '\n' && p[4] == '$' && is_digit(p[5]);
	if (is_digit(p[2]) && p[3] == '\r')
		return p[4] == '\n' && p[5] == '$' && is_digit(p[6]);
	if (is_digit(p[2]) && is_digit(p[3]) && p[4] == '\r')
		return p[5] == '\n' && p[6] == '$';
	return false;
}

/* A TLS record begins: its type, version 3.0 to 3.4, a length that is allowed (RFC 8446 5.1: 2^14 + 256; before it 2^14 + 2048). */
static __always_inline bool looks_tls(const __u8 *p, __u32 length)
{
	__u32 size = p[3] << 8 | p[4];

	return length >= 5 && p[0] >= 20 && p[0] <= 23 && p[1] == 3 && p[2] <= 4 && size > 0 && size <= 16384 + 2048;
}

static __always_inline __u8 infer_protocol(const __u8 *p, __u32 length)
{
	if (looks_http1(p, length))
		return L7_HTTP1;
	if (looks_redis(p, length))
		return L7_REDIS;
	return L7_UNKNOWN;
}
