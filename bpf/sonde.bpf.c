// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* The kernel side of Sonde as one object: maps, logic and hooks in the order in which they build on each other. */
#include "include/vmlinux_min.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "include/sonde_counters.h"
#include "include/sonde_event.h"
#include "include/sonde_scope.h"
#include "include/sonde_verdict.h"

#include "maps/counters.h"
#include "maps/datagrams.h"
#include "maps/events.h"
#include "maps/excluded.h"
#include "maps/exec_scratch.h"
#include "maps/in_flight.h"
#include "maps/limits.h"
#include "maps/listeners.h"
#include "maps/mapped.h"
#include "maps/offers.h"
#include "maps/files.h"
#include "maps/process_budgets.h"
#include "maps/rings.h"
#include "maps/rustls.h"
#include "maps/scratch.h"
#include "maps/sockets.h"
#include "maps/tasks.h"
#include "maps/tls.h"
#include "maps/verdicts.h"
#include "maps/watched.h"

#include "lib/read.h"
#include "lib/count.h"
#include "lib/settings.h"
#include "lib/budget.h"
#include "lib/call.h"
#include "lib/in_flight.h"
#include "lib/excluded.h"
#include "lib/scope.h"
#include "lib/infer.h"
#include "lib/offer.h"
#include "lib/payload.h"
#include "lib/socket_of_fd.h"
#include "lib/goroutine.h"
#include "lib/python_task.h"
#include "lib/process.h"
#include "lib/socket_state.h"
#include "lib/owner.h"
#include "lib/flow.h"
#include "lib/connection.h"
#include "lib/sequence.h"
#include "lib/verdict.h"
#include "lib/recognise.h"
#include "lib/datagram_socket.h"
#include "lib/datagram.h"
#include "lib/tls_join.h"
#include "lib/socket_data.h"
#include "lib/tls_data.h"
#include "lib/go_tls.h"
#include "lib/java_tls.h"
#include "lib/rustls.h"
#include "lib/go_http.h"
#include "lib/file_call.h"
#include "lib/file_path.h"
#include "lib/file_wait.h"
#include "lib/wake.h"

#include "hooks/go_ready.h"
#include "hooks/inet_sock_set_state.h"
#include "hooks/io_uring.h"
#include "hooks/iterators.h"
#include "hooks/java_tls.h"
#include "hooks/oom.h"
#include "hooks/python_task.h"
#include "hooks/raw_syscalls.h"
#include "hooks/rustls.h"
#include "hooks/sched_process.h"
#include "hooks/sched_switch.h"
#include "hooks/sched_waking.h"
#include "hooks/sys_exit.h"
#include "hooks/tls.h"

/* Keeps the types of events, verdicts and counters in BTF: the TypeScript layout is generated from there. */
struct sonde_layout {
	struct sonde_socket_data data;
	struct sonde_socket_close close;
	struct sonde_connect connect;
	struct sonde_wake wake;
	struct sonde_watched watched;
	struct sonde_process process;
	struct sonde_mapping mapping;
	struct sonde_task_end task_end;
	struct sonde_file file;
	struct sonde_file_sum file_sum;
	struct sonde_datagram_key datagram;
	struct sonde_datagram_sum datagram_sum;
	struct sonde_socket_key socket;
	struct sonde_server_key server;
	struct sonde_mapped_key mapped;
	struct sonde_process_budget process_budget;
	struct sonde_flow flow;
	struct sonde_limits limits;
	enum sonde_event_kind kind;
	enum sonde_file_operation operation;
	enum sonde_verdict verdict;
	enum sonde_scope scope;
	enum sonde_owner owner;
	enum sonde_counter counter;
};
const struct sonde_layout sonde_layout SEC(".rodata.layout");

char LICENSE[] SEC("license") = "Dual BSD/GPL";
