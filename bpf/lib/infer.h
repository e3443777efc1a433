/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Which protocol do the first bytes of a system call begin? Looks at 32 bytes, errs on the side of "maybe": user space has the
 * whole parser. Numbers of protocols are those of src/model/protocol.ts.
 */
#pragma once

#define SONDE_PROTOCOL_UNKNOWN 0
#define SONDE_PROTOCOL_HTTP1 20
#define SONDE_PROTOCOL_REDIS 80

#define SONDE_INFER_BYTES 32

enum sonde_guess {
	SONDE_GUESS_NONE,
	/* May be the start of something known: too short to say, or said by other protocols too. */
	SONDE_GUESS_MAYBE,
	SONDE_GUESS_HTTP1,
	SONDE_GUESS_REDIS,
};

/* Up to eight characters as the word they make in memory (little endian). */
#define W1(a) ((__u64)(a))
#define W4(a, b, c, d) (W1(a) | W1(b) << 8 | W1(c) << 16 | W1(d) << 24)
#define W8(a, b, c, d, e, f, g, h) (W4(a, b, c, d) | W4(e, f, g, h) << 32)

static __always_inline __u64 sonde_mask(__u64 bytes)
{
	return bytes >= 8 ? ~0ULL : (1ULL << (bytes * 8)) - 1;
}

static __always_inline bool sonde_is_digit(__u8 c)
{
	return c >= '0' && c <= '9';
}

/* A method, its space included, or the first eight bytes of a longer one. `head` holds zeros past `length`. */
static __always_inline enum sonde_guess sonde_guess_method(__u64 head, __u64 length, __u64 method, __u64 size)
{
	if (length < size)
		return ((head ^ method) & sonde_mask(length)) == 0 ? SONDE_GUESS_MAYBE : SONDE_GUESS_NONE;
	return ((head ^ method) & sonde_mask(size)) == 0 ? SONDE_GUESS_HTTP1 : SONDE_GUESS_NONE;
}

static __always_inline enum sonde_guess sonde_guess_http1(const __u8 *bytes, __u64 length)
{
	__u64 head = *(const __u64 *)bytes & sonde_mask(length);
	enum sonde_guess guess;

#define SONDE_TRY(size, ...)                                                                                            \
	guess = sonde_guess_method(head, length, __VA_ARGS__, size);                                                    \
	if (guess != SONDE_GUESS_NONE)                                                                                  \
		return guess
	switch (bytes[0]) {
	case 'G':
		SONDE_TRY(4, W4('G', 'E', 'T', ' '));
		break;
	case 'H':
		SONDE_TRY(7, W8('H', 'T', 'T', 'P', '/', '1', '.', 0));
		SONDE_TRY(5, W8('H', 'E', 'A', 'D', ' ', 0, 0, 0));
		break;
	case 'P':
		SONDE_TRY(5, W8('P', 'O', 'S', 'T', ' ', 0, 0, 0));
		SONDE_TRY(4, W4('P', 'U', 'T', ' '));
		SONDE_TRY(6, W8('P', 'A', 'T', 'C', 'H', ' ', 0, 0));
		SONDE_TRY(6, W8('P', 'U', 'R', 'G', 'E', ' ', 0, 0));
		SONDE_TRY(8, W8('P', 'R', 'O', 'P', 'F', 'I', 'N', 'D'));
		SONDE_TRY(8, W8('P', 'R', 'O', 'P', 'P', 'A', 'T', 'C'));
		break;
	case 'D':
		SONDE_TRY(7, W8('D', 'E', 'L', 'E', 'T', 'E', ' ', 0));
		break;
	case 'O':
		SONDE_TRY(8, W8('O', 'P', 'T', 'I', 'O', 'N', 'S', ' '));
		break;
	case 'C':
		SONDE_TRY(8, W8('C', 'O', 'N', 'N', 'E', 'C', 'T', ' '));
		SONDE_TRY(5, W8('C', 'O', 'P', 'Y', ' ', 0, 0, 0));
		SONDE_TRY(8, W8('C', 'H', 'E', 'C', 'K', 'O', 'U', 'T'));
		break;
	case 'T':
		SONDE_TRY(6, W8('T', 'R', 'A', 'C', 'E', ' ', 0, 0));
		break;
	case 'M':
		SONDE_TRY(5, W8('M', 'O', 'V', 'E', ' ', 0, 0, 0));
		SONDE_TRY(6, W8('M', 'E', 'R', 'G', 'E', ' ', 0, 0));
		SONDE_TRY(6, W8('M', 'K', 'C', 'O', 'L', ' ', 0, 0));
		SONDE_TRY(8, W8('M', 'K', 'A', 'C', 'T', 'I', 'V', 'I'));
		SONDE_TRY(8, W8('M', 'K', 'C', 'A', 'L', 'E', 'N', 'D'));
		SONDE_TRY(8, W8('M', '-', 'S', 'E', 'A', 'R', 'C', 'H'));
		break;
	case 'L':
		SONDE_TRY(5, W8('L', 'O', 'C', 'K', ' ', 0, 0, 0));
		SONDE_TRY(5, W8('L', 'I', 'N', 'K', ' ', 0, 0, 0));
		break;
	case 'U':
		SONDE_TRY(7, W8('U', 'N', 'L', 'O', 'C', 'K', ' ', 0));
		SONDE_TRY(7, W8('U', 'N', 'L', 'I', 'N', 'K', ' ', 0));
		SONDE_TRY(8, W8('U', 'N', 'S', 'U', 'B', 'S', 'C', 'R'));
		break;
	case 'S':
		SONDE_TRY(7, W8('S', 'E', 'A', 'R', 'C', 'H', ' ', 0));
		SONDE_TRY(8, W8('S', 'U', 'B', 'S', 'C', 'R', 'I', 'B'));
		break;
	case 'R':
		SONDE_TRY(7, W8('R', 'E', 'P', 'O', 'R', 'T', ' ', 0));
		break;
	case 'N':
		SONDE_TRY(7, W8('N', 'O', 'T', 'I', 'F', 'Y', ' ', 0));
		break;
	case 'Q':
		SONDE_TRY(6, W8('Q', 'U', 'E', 'R', 'Y', ' ', 0, 0));
		break;
	}
#undef SONDE_TRY
	return SONDE_GUESS_NONE;
}

/* "N CR LF" after the type byte, and then `$`: an array of bulk strings, which every command is. */
static __always_inline enum sonde_guess sonde_guess_number(const __u8 *bytes, __u64 length)
{
	__u64 digits = 0;

	for (__u32 i = 1; i < 12; i++) {
		if (i >= length)
			return SONDE_GUESS_MAYBE;
		if (bytes[i] == '-' && i == 1)
			continue;
		if (sonde_is_digit(bytes[i])) {
			digits++;
			continue;
		}
		if (bytes[i] != '\r' || !digits)
			return SONDE_GUESS_NONE;
		if (i + 1 >= length)
			return SONDE_GUESS_MAYBE;
		if (bytes[i + 1] != '\n')
			return SONDE_GUESS_NONE;
		return bytes[0] == '*' && i + 2 < length && bytes[i + 2] == '$' ? SONDE_GUESS_REDIS : SONDE_GUESS_MAYBE;
	}
	return SONDE_GUESS_NONE;
}

/* Replies alone never make a socket Redis: other protocols speak so too. The next command does. */
static __always_inline enum sonde_guess sonde_guess_redis(const __u8 *bytes, __u64 length)
{
	if (length < 2)
		return SONDE_GUESS_NONE;
	switch (bytes[0]) {
	case '*':
	case '$':
	case ':':
	case '%':
	case '~':
	case '>':
	case '=':
	case '!':
	case '(':
		return sonde_guess_number(bytes, length);
	case '+':
	case '-':
		return bytes[1] >= 'A' && bytes[1] <= 'z' ? SONDE_GUESS_MAYBE : SONDE_GUESS_NONE;
	case ',':
		return sonde_is_digit(bytes[1]) || bytes[1] == '-' || bytes[1] == 'i' || bytes[1] == 'n' ?
			       SONDE_GUESS_MAYBE :
			       SONDE_GUESS_NONE;
	case '#':
		return bytes[1] == 't' || bytes[1] == 'f' ? SONDE_GUESS_MAYBE : SONDE_GUESS_NONE;
	case '_':
		return bytes[1] == '\r' ? SONDE_GUESS_MAYBE : SONDE_GUESS_NONE;
	}
	return SONDE_GUESS_NONE;
}

/* `bytes` has room for SONDE_INFER_BYTES; the first `length` of them count. */
static __always_inline enum sonde_guess sonde_infer(const __u8 *bytes, __u64 length)
{
	enum sonde_guess guess;

	if (length == 0)
		return SONDE_GUESS_NONE;
	guess = sonde_guess_http1(bytes, length);
	return guess != SONDE_GUESS_NONE ? guess : sonde_guess_redis(bytes, length);
}
