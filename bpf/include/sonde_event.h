/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * All that crosses the ring buffer. Fixed-width types, explicit padding, little endian.
 * src/agent/capture/layout.gen.ts is generated from the BTF of these structs; a test compares the two.
 */
#pragma once

#define SONDE_PAYLOAD_MAX 4096
#define SONDE_COMM_LEN 16
#define SONDE_ARGUMENTS_MAX 256
#define SONDE_FILE_NAMES_MAX 512

enum sonde_event_kind {
	SONDE_EVENT_DATA = 1,
	SONDE_EVENT_CLOSE = 2,
	SONDE_EVENT_EXEC = 3,
	SONDE_EVENT_EXIT = 4,
	SONDE_EVENT_MAP = 5,
	SONDE_EVENT_CONNECT = 6,
	SONDE_EVENT_RING = 7,
	SONDE_EVENT_FILE = 8,
	SONDE_EVENT_OOM = 9,
	SONDE_EVENT_FLOW = 10,
	SONDE_EVENT_WAKE = 11,
	SONDE_EVENT_TASK_END = 12,
};

enum sonde_direction {
	SONDE_EGRESS = 0,
	SONDE_INGRESS = 1,
};

/* Which side opened the connection, when the kernel was seen doing it. */
enum sonde_role {
	SONDE_ROLE_UNKNOWN = 0,
	SONDE_ROLE_CLIENT = 1,
	SONDE_ROLE_SERVER = 2,
};

/* Bytes one system call moved over a TCP socket, or one datagram; payload follows the header. */
struct sonde_socket_data {
	__u32 kind;      /* SONDE_EVENT_DATA */
	__u32 captured;  /* payload bytes after this header */
	__u64 time_ns;   /* CLOCK_MONOTONIC at system call exit */
	__u64 socket;    /* identity of the kernel socket (address), unique while it is open */
	__u32 tgid;
	__u32 tid;
	__u32 fd;
	__u32 length;    /* bytes the system call moved */
	__u32 tcp_seq;   /* sequence number of the first byte, 0 unknown */
	__u16 local_port;
	__u16 remote_port;
	__u8 direction;  /* sonde_direction */
	__u8 role;       /* sonde_role */
	__u8 protocol;   /* L7Protocol number that was inferred or told by user space; 0: an offer, user space decides */
	__u8 is_ipv4;
	__u32 generation; /* counts reuses of `socket`; 0 for datagrams of DNS's ports */
	__u8 local_ip[16];  /* IPv4 as ::ffff:a.b.c.d */
	__u8 remote_ip[16];
	char comm[SONDE_COMM_LEN];
	__u32 netns; /* inode number of the network namespace: addresses mean something there */
	__u8 transport; /* IPPROTO_TCP, IPPROTO_UDP */
	__u8 is_tls;    /* plaintext that went into a TLS library or came out of it; the numbers of bytes are its own */
	__u8 pad[2];
	__u64 coroutine; /* goroutine (its address) that made the call, or for which its socket works, or Task (its id); 0: none is known */
	__u32 number;    /* of this event among those of its socket, from 1; 0 for datagrams */
	__u32 waits;     /* how often the thread had waited when the call ended (task_struct.nvcsw) */
};

/* Ids of Tasks of Python's asyncio begin with this bit; addresses of goroutines are below. Unique in a process. */
#define SONDE_TASK_ID (1ULL << 52)

/* A Task is over that moved bytes, or that made one which did. */
struct sonde_task_end {
	__u32 kind; /* SONDE_EVENT_TASK_END */
	__u32 tgid;
	__u64 time_ns;
	__u64 task;     /* its id */
	__u64 creator;  /* id of the Task that made it and is not over; 0 none, or not known */
	__u64 begun_ns; /* when it was made, or its first step was seen */
};

/* A TCP socket left ESTABLISHED for good. */
struct sonde_socket_close {
	__u32 kind; /* SONDE_EVENT_CLOSE */
	__u32 generation;
	__u64 time_ns;
	__u64 socket;
};

/* A thread began to connect a TCP socket. */
struct sonde_connect {
	__u32 kind; /* SONDE_EVENT_CONNECT */
	__u32 tgid;
	__u64 time_ns;
	__u64 socket; /* the connection it becomes has a generation of its own */
	__u32 tid;
	__u32 waits;
	__u16 remote_port;
	__u8 pad[6];
};

/* One thread of a watched process wakes another; or one goroutine another, or begins it: then the threads are 0. */
struct sonde_wake {
	__u32 kind; /* SONDE_EVENT_WAKE */
	__u32 tgid;
	__u64 time_ns;
	__u32 tid;         /* who wakes */
	__u32 woken_tid;
	__u32 woken_waits; /* how often the woken thread had waited, with this time */
	__u32 begins;      /* 1: the woken goroutine is a new one */
	__u64 coroutine;   /* who wakes */
	__u64 woken_coroutine;
};

/*
 * A process began to run a program, ended, had io_uring work with a socket for the first time, or is about to be killed because memory is short (then only
 * its number is known). Of a begin the arguments follow, each with its NUL, as many bytes as there are.
 */
struct sonde_process {
	__u32 kind; /* SONDE_EVENT_EXEC, SONDE_EVENT_EXIT, SONDE_EVENT_RING, SONDE_EVENT_OOM */
	__u32 tgid;
	__u64 time_ns;
	__u32 parent_tgid;
	__u32 exit_status; /* as wait() gives it: the signal in bits 0 to 6, the code in bits 8 to 15 */
	char comm[SONDE_COMM_LEN];
	__u64 start_ns;    /* CLOCK_MONOTONIC when the process was made; 0: neither that nor how it ended is known */
	__u32 uid;
	__u32 gid;
};

enum sonde_file_operation {
	SONDE_FILE_READ = 1,
	SONDE_FILE_WRITE = 2,
	SONDE_FILE_SYNC = 3,
	SONDE_FILE_OPEN = 4,
};

/* Calls of one process on one file. */
struct sonde_file_key {
	__u64 inode;
	__u32 device;
	__u32 generation;
	__u32 tgid;
	__u32 operation; /* sonde_file_operation */
};

struct sonde_file_sum {
	__u64 count;
	__u64 bytes;
	__u64 wait_ns;
	__u64 longest_ns;
};

/* A call on a file that had to wait; the names of the file and of what it is in follow, each with its NUL, the file's own first. */
struct sonde_file {
	__u32 kind; /* SONDE_EVENT_FILE */
	__u32 tid;
	__u64 begin_ns; /* CLOCK_MONOTONIC at the first wait */
	__u64 end_ns;   /* ... at the end of the call */
	__u64 bytes;    /* moved by reads and writes */
	__u64 offset;   /* where these began */
	__u64 coroutine; /* as in sonde_socket_data */
	struct sonde_file_key key;
	__u32 error;    /* errno; 0: none */
	__u16 mode;     /* i_mode */
	__u8 operation; /* sonde_file_operation */
	__u8 is_slow;   /* 0: told of for its names only, as the first of its sum */
	__u8 names;     /* how many follow */
	__u8 names_in_mount; /* of these, from the file up to the root of its mount */
	__u8 is_whole;  /* they reach the root of the mount namespace */
	__u8 crossed_mount;
	__u32 pad;
	char comm[SONDE_COMM_LEN];
	char fs[16];     /* kind of file system */
	char source[64]; /* what is mounted */
};

/* A UDP socket and a peer, whose datagrams are summed: as in sonde_socket_data. */
struct sonde_datagram_key {
	__u64 socket;
	__u32 tgid;
	__u16 local_port;
	__u16 remote_port; /* 0: the process did not ask from whom they came */
	__u8 remote_ip[16];
};

struct sonde_datagram_sum {
	__u64 begun_ns; /* CLOCK_MONOTONIC at the first datagram */
	__u64 last_ns;
	__u64 sent_bytes; /* payload */
	__u64 received_bytes;
	__u32 sent; /* datagrams; a call that has the kernel cut what it sends (UDP_SEGMENT) sends one */
	__u32 received;
	__u32 is_asked; /* 1: the first was received */
	__u32 pad;
	__u8 local_ip[16];
	char comm[SONDE_COMM_LEN];
};

/* A process mapped a file that it may execute, and that was not told of before (maps/mapped.h). */
struct sonde_mapping {
	__u32 kind; /* SONDE_EVENT_MAP */
	__u32 tgid;
	__u64 inode; /* number, and device as the kernel has it */
	__u32 device;
	__u32 generation;
};

/*
 * A TCP connection as TCP itself counted it: totals since it began. Through the ring at its end, through the iterator (hooks/iterators.h)
 * while it goes on.
 */
struct sonde_flow {
	__u32 kind; /* SONDE_EVENT_FLOW */
	__u32 generation;
	__u64 time_ns;
	__u64 socket;
	__u64 begun_ns; /* when it was first heard of */
	__u64 sent;     /* payload bytes, each once however often it was sent */
	__u64 received;
	__u32 segments_sent; /* with and without payload */
	__u32 segments_received;
	__u32 retransmitted; /* segments sent again */
	__u32 out_of_order;  /* segments received ahead of a gap */
	__u32 srtt_us;       /* smoothed round trip time; 0 not measured */
	__u32 tgid;          /* of the process, or that listens where it was accepted; 0 unknown */
	__u32 local_listener; /* process that listens on the local port, in the same network namespace; 0 unknown */
	__u32 remote_listener; /* ... on the remote port, which is another host's unless the addresses say otherwise */
	__u32 netns;
	__u32 error; /* errno of the socket at the end; 0 none */
	__u16 local_port;
	__u16 remote_port;
	__u8 role;    /* sonde_role */
	__u8 left;    /* TCP state that it was in when it ended; 0: it goes on */
	__u8 is_late; /* older than what is known of it: totals are more than was seen */
	__u8 owner;   /* sonde_owner: how far `tgid` is to be trusted */
	__u8 local_ip[16]; /* IPv4 as ::ffff:a.b.c.d */
	__u8 remote_ip[16];
};

/* What is known of the process that a connection belongs to. */
enum sonde_owner {
	SONDE_OWNER_UNKNOWN = 0,
	SONDE_OWNER_LISTENS = 1, /* it listens on the port; another one may have accepted */
	SONDE_OWNER_SEEN = 2,    /* it connected, moved bytes, or holds the descriptor */
};
