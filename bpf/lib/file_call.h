/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The system calls that work on files: what they do, which argument is the descriptor, which the offset. */
#pragma once

struct file_call {
	__u8 operation; /* sonde_file_operation */
	__u8 fd_at;     /* which argument is the descriptor; of an open, its result is */
	__u8 has_offset; /* the fourth argument is one */
};

#if defined(__TARGET_ARCH_x86)
static __always_inline struct file_call file_call_of(__u64 nr)
{
	switch (nr) {
	case 0:  /* read */
	case 19: /* readv */
		return (struct file_call){ SONDE_FILE_READ, 0, 0 };
	case 17:  /* pread64 */
	case 295: /* preadv */
	case 327: /* preadv2 */
		return (struct file_call){ SONDE_FILE_READ, 0, 1 };
	case 40: /* sendfile: reads the second, writes the first */
		return (struct file_call){ SONDE_FILE_READ, 1, 0 };
	case 1:  /* write */
	case 20: /* writev */
		return (struct file_call){ SONDE_FILE_WRITE, 0, 0 };
	case 18:  /* pwrite64 */
	case 296: /* pwritev */
	case 328: /* pwritev2 */
		return (struct file_call){ SONDE_FILE_WRITE, 0, 1 };
	case 326: /* copy_file_range */
		return (struct file_call){ SONDE_FILE_WRITE, 2, 0 };
	case 74:  /* fsync */
	case 75:  /* fdatasync */
	case 277: /* sync_file_range */
		return (struct file_call){ SONDE_FILE_SYNC, 0, 0 };
	case 2:   /* open */
	case 257: /* openat */
	case 437: /* openat2 */
		return (struct file_call){ SONDE_FILE_OPEN, 0, 0 };
	}
	return (struct file_call){};
}
#else
#error "system call numbers of this architecture are not written down yet"
#endif
