/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Plaintext of rustls 0.20 to 0.23, at methods that are not inlined, as far as a program keeps their names: of CommonState, and of the state
 * that receives, which is only reached by a table. Rust passes
 * references, numbers and slices in registers as C does, and whatever is larger by its address. Attached by user space to files and offsets
 * (src/agent/capture/tls), for all processes that map them. Kernels from 4.17. Context: the calling thread; may be preempted, not sleeping.
 */
#pragma once

/* fn send_msg(&mut self, m: Message, must_encrypt: bool): handshakes */
SEC("uprobe")
int sonde_rustls_handshake(struct pt_regs *ctx)
{
	return rustls_used();
}

/* of ExpectTraffic: fn handle(self: Box<Self>, cx: &mut Context, m: Message) -> Result<..., Error>, whose place comes first */
SEC("uprobe")
int sonde_rustls_read(struct pt_regs *ctx)
{
	return rustls_received((const void *)ctx->dx, (const void *)ctx->cx);
}

/* fn buffer_plaintext(&mut self, payload: OutboundChunks, ...) -> usize */
SEC("uprobe")
int sonde_rustls_write_chunks(struct pt_regs *ctx)
{
	return rustls_write_of_chunks(ctx->di, (const void *)ctx->si);
}

/* fn send_some_plaintext(&mut self, data: &[u8]) -> usize */
SEC("uprobe")
int sonde_rustls_write(struct pt_regs *ctx)
{
	return rustls_write_begins(ctx->di, ctx->si, 0);
}

SEC("uretprobe")
int sonde_rustls_return(struct pt_regs *ctx)
{
	return rustls_write_ends(ctx->ax);
}
