/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The path of a file, as the names on the way from it to the root of its mount namespace: bpf_d_path may not be called from here.
 * Bounded in names and bytes; what does not fit is at the root's end.
 */
#pragma once

/* Names and mounts on the way. */
#define FILE_STEPS 24
#define NAME_BYTES 256

/* Writes names with their NUL, the file's own first, and what of them is within the file's mount; returns the bytes. */
static __always_inline __u32 read_names(struct file *file, struct sonde_file_scratch *event)
{
	struct dentry *dentry = BPF_CORE_READ(file, f_path.dentry), *above;
	struct vfsmount *mnt = BPF_CORE_READ(file, f_path.mnt);
	struct mount *mount = (void *)mnt - bpf_core_field_offset(struct mount, mnt), *outer;
	__u64 at = 0;
	long length;

	event->head.names = 0;
	event->head.names_in_mount = 0;
	event->head.is_whole = 0;
	bpf_probe_read_kernel_str(event->head.source, sizeof(event->head.source), BPF_CORE_READ(mount, mnt_devname));
	for (int step = 0; step < FILE_STEPS; step++) {
		if (dentry == BPF_CORE_READ(mnt, mnt_root)) {
			outer = BPF_CORE_READ(mount, mnt_parent);
			if (outer == mount) {
				event->head.is_whole = 1;
				break;
			}
			dentry = BPF_CORE_READ(mount, mnt_mountpoint);
			mount = outer;
			mnt = (void *)mount + bpf_core_field_offset(struct mount, mnt);
			event->head.crossed_mount = 1;
			continue;
		}
		above = BPF_CORE_READ(dentry, d_parent);
		if (above == dentry || at >= SONDE_FILE_NAMES_MAX)
			break;
		asm volatile("%0 &= %1" : "+r"(at) : "i"(SONDE_FILE_NAMES_MAX - 1));
		length = bpf_probe_read_kernel_str(event->names + at, NAME_BYTES, BPF_CORE_READ(dentry, d_name.name));
		if (length <= 1)
			break;
		at += length;
		event->head.names++;
		if (!event->head.crossed_mount)
			event->head.names_in_mount++;
		dentry = above;
	}
	return at;
}
