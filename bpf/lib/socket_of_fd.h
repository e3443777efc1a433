/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#pragma once

/* The open file behind a descriptor of the current process; NULL when there is none. */
static __always_inline struct file *file_of_fd(__u64 fd, bool direct)
{
	struct task_struct *task = current_task(direct);
	struct fdtable *table = direct ? task->files->fdt : BPF_CORE_READ(task, files, fdt);
	struct file **files;
	struct file *file;

	if (fd >= READ(direct, table, max_fds))
		return 0;
	files = READ(direct, table, fd);
	if (bpf_probe_read_kernel(&file, sizeof(file), files + fd) || !file)
		return 0;
	return AS_KIND(direct, struct file, file);
}

/* The TCP or UDP socket behind an open file; NULL for everything else. */
static __always_inline struct sock *inet_socket_of_file(struct file *file, bool direct)
{
	struct socket *socket;
	struct sock *sk;
	__u16 family, protocol, type;

	if (((direct ? file->f_inode->i_mode : BPF_CORE_READ(file, f_inode, i_mode)) & S_IFMT) != S_IFSOCK)
		return 0;
	socket = AS_KIND(direct, struct socket, READ(direct, file, private_data));
	sk = READ(direct, socket, sk);
	if (!sk)
		return 0;
	family = READ(direct, sk, __sk_common.skc_family);
	if (family != AF_INET && family != AF_INET6)
		return 0;
	protocol = READ(direct, sk, sk_protocol);
	type = READ(direct, sk, sk_type);
	if (!(protocol == IPPROTO_TCP && type == SOCK_STREAM) && !(protocol == IPPROTO_UDP && type == SOCK_DGRAM))
		return 0;
	/* What it is in truth, for the fields beyond those of every socket; one of UDP begins with the same struct inet_sock. */
	return (struct sock *)AS_KIND(direct, struct tcp_sock, sk);
}

/* The same behind a descriptor of the current process. */
static __always_inline struct sock *inet_socket_of_fd(__u64 fd, bool direct)
{
	struct file *file = file_of_fd(fd, direct);

	return file ? inet_socket_of_file(file, direct) : 0;
}

static __always_inline void map_ipv4(__u8 *ip, __be32 address)
{
	__builtin_memset(ip, 0, 10);
	ip[10] = 0xff;
	ip[11] = 0xff;
	__builtin_memcpy(ip + 12, &address, 4);
}

/* Writes both addresses as 16 bytes each. */
static __always_inline void read_both_addresses(struct sock *sk, __u8 *local, __u8 *remote, bool direct)
{
	if (READ(direct, sk, __sk_common.skc_family) == AF_INET) {
		map_ipv4(local, READ(direct, sk, __sk_common.skc_rcv_saddr));
		map_ipv4(remote, READ(direct, sk, __sk_common.skc_daddr));
	} else {
		bpf_core_read(local, 16, &sk->__sk_common.skc_v6_rcv_saddr.in6_u.u6_addr8);
		bpf_core_read(remote, 16, &sk->__sk_common.skc_v6_daddr.in6_u.u6_addr8);
	}
}

/* An IPv4-mapped IPv6 address is IPv4. */
static __always_inline void read_addresses(struct sock *sk, struct sonde_socket_data *head, bool direct)
{
	read_both_addresses(sk, head->local_ip, head->remote_ip, direct);
	head->is_ipv4 = head->remote_ip[10] == 0xff && head->remote_ip[11] == 0xff;
}
