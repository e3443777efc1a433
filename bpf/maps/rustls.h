/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#pragma once

/* A thread that gives plaintext to rustls. */
struct sonde_rustls_call {
	__u64 session;
	__u64 buffer;   /* where the plaintext lies, or a vector of such places */
	__u32 segments; /* of the vector; 0: a buffer */
	__u32 pad;
};

/* rustls_calls: by thread, calls in progress. The least recently used is not seen. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct sonde_rustls_call);
} rustls_calls SEC(".maps");

/* rustls_processes: by tgid, those that use it. The least recently used loses the first request that a thread new to rustls reads. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, __u8);
} rustls_processes SEC(".maps");

/* Bytes that are kept at most, a power of two. */
#define SONDE_KEPT_MOST 1024

/* Plaintext that a thread gave to a session whose socket is not known. */
struct sonde_rustls_kept {
	__u64 session;
	__u32 length;   /* bytes given */
	__u32 captured; /* of these, kept */
	/* Twice as much, so that an offset and a length that are each in bounds stay in bounds together. */
	__u8 bytes[2 * SONDE_KEPT_MOST];
};

/* rustls_kept: by thread, until its next system call on a socket with TLS. When full, the plaintext is lost and counted. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, __u64);
	__type(value, struct sonde_rustls_kept);
} rustls_kept SEC(".maps");

/* rustls_blank: what an entry of rustls_kept begins as; never written to. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sonde_rustls_kept);
} rustls_blank SEC(".maps");
