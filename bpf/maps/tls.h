/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#pragma once
enum sonde_tls_call {
	TLS_CALL_NONE,
	TLS_CALL_HANDSHAKE, /* moves no plaintext */
	TLS_CALL_READ,
	TLS_CALL_WRITE,
};

/* A thread that calls a TLS library. */
struct sonde_tls_thread {
	__u64 session;    /* of the call in progress, else of the last call; 0 when its records were written since */
	__u64 buffer;     /* where the plaintext lies */
	__u64 moved_to;   /* where the call leaves how much it moved; 0: it returns it */
	__u64 socket;     /* the last that TLS records were received from outside of a call, not taken yet; 0 none */
	__u32 generation; /* of `socket` */
	__u32 received;   /* bytes that came from it since another one's came */
	__u32 fd;         /* its descriptor */
	__u32 call;       /* sonde_tls_call in progress */
	__u32 records;    /* bytes of records that `session` made since and has not written; 0: not known */
	__u32 kept;       /* bytes of plaintext in rustls_kept; 0 none */
};

/* tls_threads: by thread (tgid << 32 | tid). The least recently used is forgotten: its call in progress is not seen. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct sonde_tls_thread);
} tls_threads SEC(".maps");

/* A session is where its library keeps it, in the memory of one process. */
struct sonde_tls_key {
	__u64 session;
	__u32 tgid;
	__u32 pad;
};

struct sonde_tls_session {
	__u64 socket; /* address of the kernel's struct sock that carries its records */
	__u32 fd;
	__u32 pad;
	struct sonde_socket_state plain; /* the plaintext as a stream of its own */
};

/* tls_sessions: what is known of a session. The least recently used is forgotten: joined to its socket again when that shows. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct sonde_tls_key);
	__type(value, struct sonde_tls_session);
} tls_sessions SEC(".maps");

/* Programs on user functions can be preempted on some kernels: as many may be at work on a CPU. */
#define SONDE_TLS_SLOTS 4

struct sonde_tls_scratch {
	__u64 owner; /* the thread; 0: free */
	struct sonde_scratch event;
};

/* tls_scratch: where events of plaintext are put together. When all slots of a CPU are taken, the event is lost and counted. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SONDE_TLS_SLOTS);
	__type(key, __u32);
	__type(value, struct sonde_tls_scratch);
} tls_scratch SEC(".maps");

/* A goroutine is where the Go runtime keeps it, in the memory of one process; it may go on on another thread. */
struct sonde_go_key {
	__u64 goroutine;
	__u32 tgid;
	__u32 pad;
};

struct sonde_go_call {
	__u64 connection; /* address of the crypto/tls.Conn */
	__u64 buffer;
	__u32 call; /* sonde_tls_call */
	__u32 pad;
};

/* go_calls: calls of crypto/tls in progress. The least recently used is not seen. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct sonde_go_key);
	__type(value, struct sonde_go_call);
} go_calls SEC(".maps");
