/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Which protocol the first bytes of a payload look like. Reads at most 16 bytes; numbers are those of L7Protocol. */
#pragma once

#define L7_UNKNOWN 0
#define L7_HTTP1 20
#define L7_REDIS 80

/* Misses in a row after which a socket is given up. */
#define SONDE_MAX_MISSES 4

#define WORD(a, b, c, d) ((__u32)(a) | (__u32)(b) << 8 | (__u32)(c) << 16 | (__u32)(d) << 24)

static __always_inline bool is_digit(__u8 c)
{
	return c >= '0' && c <= '9';
}

/* A request line begins with a method and a space, a status line with its version. */
static __always_inline bool looks_http1(const __u8 *p, __u32 length)
{
	__u32 word;

	if (length < 8)
		return false;
	word = WORD(p[0], p[1], p[2], p[3]);
	switch (word) {
	case WORD('G', 'E', 'T', ' '):
	case WORD('P', 'U', 'T', ' '):
		return true;
	case WORD('H', 'T', 'T', 'P'):
		return p[4] == '/' && p[5] == '1' && p[6] == '.';
	case WORD('P', 'O', 'S', 'T'):
	case WORD('H', 'E', 'A', 'D'):
		return p[4] == ' ';
	case WORD('D', 'E', 'L', 'E'):
		return p[4] == 'T' && p[5] == 'E' && p[6] == ' ';
	case WORD('P', 'A', 'T', 'C'):
		return p[4] == 'H' && p[5] == ' ';
	case WORD('O', 'P', 'T', 'I'):
		return p[4] == 'O' && p[5] == 'N' && p[6] == 'S';
	case WORD('C', 'O', 'N', 'N'):
		return p[4] == 'E' && p[5] == 'C' && p[6] == 'T';
	case WORD('T', 'R', 'A', 'C'):
		return p[4] == 'E' && p[5] == ' ';
	}
	return false;
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

static __always_inline __u8 infer_protocol(const __u8 *p, __u32 length)
{
	if (looks_http1(p, length))
		return L7_HTTP1;
	if (looks_redis(p, length))
		return L7_REDIS;
	return L7_UNKNOWN;
}
