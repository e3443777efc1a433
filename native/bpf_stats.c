// SPDX-License-Identifier: Apache-2.0
// What programs cost: the kernel counts their runs and nanoseconds while somebody asks for it (BPF_ENABLE_STATS, Linux 5.8), which
// ends with the descriptor, so that a process that dies leaves nothing switched on.

#include "sonde.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const napi_type_tag counting_tag = { 0x73746174d2b8416e, 0xb06c94e15a7f3d28 };

struct counting {
	int fd;
};

static void stop(struct counting *counting)
{
	if (counting->fd >= 0)
		close(counting->fd);
	counting->fd = -1;
}

static void release_counting(napi_env env, void *handle, void *hint)
{
	(void)env;
	(void)hint;
	stop(handle);
	free(handle);
}

// startCounting(): handle; the kernel counts the runs of all programs until stopCounting. Needs CAP_SYS_ADMIN.
napi_value sonde_counting_start(napi_env env, napi_callback_info info)
{
	struct counting *counting = malloc(sizeof(*counting));
	napi_value handle;

	(void)info;
	if (!counting) {
		sonde_throw_errno(env, ENOMEM, "out of memory");
		return NULL;
	}
	counting->fd = bpf_enable_stats(BPF_STATS_RUN_TIME);
	if (counting->fd < 0) {
		sonde_throw_errno(env, errno, "the kernel does not count the runs of programs: %s", strerror(errno));
		free(counting);
		return NULL;
	}
	handle = sonde_make_handle(env, &counting_tag, counting, release_counting);
	if (!handle)
		release_counting(env, counting, NULL);
	return handle;
}

// stopCounting(handle); again is no error.
napi_value sonde_counting_stop(napi_env env, napi_callback_info info)
{
	struct counting *counting;
	napi_value arguments[1];

	if (sonde_arguments(env, info, 1, arguments) &&
	    sonde_handle(env, arguments[0], &counting_tag, (void **)&counting))
		stop(counting);
	return NULL;
}

static bool set_number(napi_env env, napi_value array, uint32_t at, uint64_t number)
{
	return napi_set_element(env, array, at, sonde_double(env, (double)number)) == napi_ok;
}

// programStats(object): [name, runs, nanoseconds, runs left out because another was under way on the CPU][] of its loaded programs.
napi_value sonde_program_stats(napi_env env, napi_callback_info info)
{
	napi_value arguments[1], all;
	struct bpf_program *program;
	struct bpf_object *bpf;
	uint32_t count = 0;

	if (!sonde_arguments(env, info, 1, arguments) || !(bpf = sonde_object_bpf(env, arguments[0])) ||
	    napi_create_array(env, &all) != napi_ok)
		return NULL;
	bpf_object__for_each_program(program, bpf) {
		struct bpf_prog_info stats = {};
		uint32_t size = sizeof(stats);
		int fd = bpf_program__fd(program);
		napi_value one, name;

		if (fd < 0 || bpf_obj_get_info_by_fd(fd, &stats, &size))
			continue;
		if (napi_create_array_with_length(env, 4, &one) != napi_ok ||
		    napi_create_string_utf8(env, bpf_program__name(program), NAPI_AUTO_LENGTH, &name) != napi_ok ||
		    napi_set_element(env, one, 0, name) != napi_ok || !set_number(env, one, 1, stats.run_cnt) ||
		    !set_number(env, one, 2, stats.run_time_ns) || !set_number(env, one, 3, stats.recursion_misses) ||
		    napi_set_element(env, all, count++, one) != napi_ok)
			return NULL;
	}
	return all;
}
