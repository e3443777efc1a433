/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Plaintext at the doors of TLS libraries: OpenSSL and its relatives (SSL_read and the like), GnuTLS (gnutls_record_recv and the like), whose
 * functions take the same arguments in the same order. Attached by user space to files and offsets (src/agent/capture/tls), for all
 * processes that map them. Kernels from 4.17 (perf's uprobe events). Context: the calling thread; may be preempted, not sleeping.
 */
#pragma once

/* int SSL_do_handshake(session) */
SEC("uprobe")
int sonde_tls_handshake(struct pt_regs *ctx)
{
	return tls_call_begins(TLS_CALL_HANDSHAKE, ctx->di, 0, 0);
}

/* int SSL_read(session, buffer, size) */
SEC("uprobe")
int sonde_tls_read(struct pt_regs *ctx)
{
	return tls_call_begins(TLS_CALL_READ, ctx->di, ctx->si, 0);
}

SEC("uprobe")
int sonde_tls_write(struct pt_regs *ctx)
{
	return tls_call_begins(TLS_CALL_WRITE, ctx->di, ctx->si, 0);
}

/* int SSL_read_ex(session, buffer, size, size_t *moved): 1 when it moved some */
SEC("uprobe")
int sonde_tls_read_ex(struct pt_regs *ctx)
{
	return tls_call_begins(TLS_CALL_READ, ctx->di, ctx->si, ctx->cx);
}

SEC("uprobe")
int sonde_tls_write_ex(struct pt_regs *ctx)
{
	return tls_call_begins(TLS_CALL_WRITE, ctx->di, ctx->si, ctx->cx);
}

SEC("uretprobe")
int sonde_tls_return(struct pt_regs *ctx)
{
	return tls_call_ends((int)ctx->ax, ctx->sp);
}

/* void SSL_free(session) */
SEC("uprobe")
int sonde_tls_free(struct pt_regs *ctx)
{
	return tls_session_ends(ctx->di);
}

/*
 * Go since 1.17 (cmd/compile/abi-internal.md): arguments and results in ax, bx, cx, ..., the goroutine in r14.
 * func (c *Conn) Read(b []byte) (int, error): c, then address and length of b; at each of its return instructions the number.
 */
SEC("uprobe")
int sonde_go_read(struct pt_regs *ctx)
{
	return go_call_begins(TLS_CALL_READ, ctx->r14, ctx->ax, ctx->bx);
}

SEC("uprobe")
int sonde_go_write(struct pt_regs *ctx)
{
	return go_call_begins(TLS_CALL_WRITE, ctx->r14, ctx->ax, ctx->bx);
}

SEC("uprobe")
int sonde_go_return(struct pt_regs *ctx)
{
	return go_call_ends(ctx->r14, (__s64)ctx->ax);
}

/* func (pc *persistConn) roundTrip(req *transportRequest) (resp *Response, err error), of net/http */
SEC("uprobe")
int sonde_go_round_trip(struct pt_regs *ctx)
{
	return go_round_trip_begins(ctx->r14, ctx->ax);
}
