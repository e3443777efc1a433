// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* All hooks as one object: they share maps, and the loader takes only the programs it names. */
#include "include/vmlinux_min.h"

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "inet_sock_set_state.bpf.c"
#include "sched_process_exec.bpf.c"
#include "sched_process_exit.bpf.c"
#include "sys_enter_exit.bpf.c"
#include "sys_exit.bpf.c"

/* Types that only records and their reader mention: a pointer brings them into the object's BTF. */
const struct sonde_socket_data *sonde_btf_socket_data;
const struct sonde_socket_close *sonde_btf_socket_close;
const struct sonde_process *sonde_btf_process;
const enum sonde_event_kind *sonde_btf_event_kind;
const enum sonde_direction *sonde_btf_direction;
const enum sonde_role *sonde_btf_role;
const enum sonde_counter *sonde_btf_counter;

char LICENSE[] SEC("license") = "Dual BSD/GPL";
