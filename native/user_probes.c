// SPDX-License-Identifier: Apache-2.0
// Programs attached to functions of a user-space file, for all processes that map it: as one handle for each file. Attaching takes
// some 10 ms a function and detaching waits for the kernel's RCU grace periods, so both run on a thread of libuv's pool.

#include "sonde.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_PROBES 64

/* What perf attaches to functions by. Without it libbpf would write the probes into tracefs, where they outlive this process. */
static const char probe_unit[] = "/sys/bus/event_source/devices/uprobe/type";

static const napi_type_tag probes_tag = { 0x5d1e0c3a77b84f02, 0xa6f2b1904ce3d857 };

struct probe {
	struct bpf_program *program;
	uint64_t offset;
	bool is_return;
	struct bpf_link *link;
};

struct probes {
	size_t count;
	struct probe list[MAX_PROBES];
};

// One call on its way through the pool.
struct work {
	napi_async_work work;
	napi_deferred deferred;
	// Keeps the handle (when detaching) or the object (when attaching) from being collected.
	napi_ref kept;
	napi_value (*resolve)(napi_env env, struct work *work);
	struct sonde_object *object;
	struct probes *probes;
	char path[4096];
	int error;
	size_t failed_at;
};

static void detach_all(struct probes *probes)
{
	for (size_t i = 0; i < probes->count; i++) {
		if (probes->list[i].link)
			bpf_link__destroy(probes->list[i].link);
		probes->list[i].link = NULL;
	}
}

static void release_probes(napi_env env, void *handle, void *hint)
{
	(void)env;
	(void)hint;
	detach_all(handle);
	free(handle);
}

static int say_nothing(enum libbpf_print_level level, const char *format, va_list arguments)
{
	(void)level;
	(void)format;
	(void)arguments;
	return 0;
}

static void attach_all(napi_env env, void *data)
{
	struct work *work = data;
	struct probes *probes = work->probes;

	(void)env;
	if (access(probe_unit, R_OK)) {
		work->error = EOPNOTSUPP;
		return;
	}
	for (size_t i = 0; i < probes->count; i++) {
		struct probe *probe = &probes->list[i];

		probe->link = bpf_program__attach_uprobe(probe->program, probe->is_return, -1, work->path, probe->offset);
		if (probe->link)
			continue;
		work->error = errno ? errno : EINVAL;
		work->failed_at = i;
		detach_all(probes);
		return;
	}
}

static void detach_in_pool(napi_env env, void *data)
{
	(void)env;
	detach_all(((struct work *)data)->probes);
}

static napi_value attached(napi_env env, struct work *work)
{
	napi_value handle = sonde_make_handle(env, &probes_tag, work->probes, release_probes);

	if (!handle) {
		detach_all(work->probes);
		free(work->probes);
	}
	return handle;
}

static napi_value detached(napi_env env, struct work *work)
{
	napi_value undefined = NULL;

	(void)work;
	napi_get_undefined(env, &undefined);
	return undefined;
}

static void finish(napi_env env, napi_status status, void *data)
{
	struct work *work = data;
	napi_value value = NULL;

	(void)status;
	if (work->object)
		sonde_object_release(work->object);
	if (work->error == 0) {
		value = work->resolve(env, work);
		if (value)
			napi_resolve_deferred(env, work->deferred, value);
	}
	if (!value) {
		char message[4200];

		if (work->error) {
			snprintf(message, sizeof(message), "function at 0x%llx of %s: %s",
				 (unsigned long long)work->probes->list[work->failed_at].offset, work->path,
				 strerror(work->error));
			sonde_throw_errno(env, work->error, "%s", message);
			free(work->probes);
		}
		napi_get_and_clear_last_exception(env, &value);
		napi_reject_deferred(env, work->deferred, value);
	}
	napi_delete_reference(env, work->kept);
	napi_delete_async_work(env, work->work);
	free(work);
}

// Queues the call; the promise of what `finish` makes of it, or NULL and an exception.
static napi_value begin(napi_env env, struct work *work, napi_value kept, napi_async_execute_callback execute)
{
	napi_value name, promise;

	if (napi_create_promise(env, &work->deferred, &promise) == napi_ok &&
	    napi_create_string_utf8(env, "sonde probes", NAPI_AUTO_LENGTH, &name) == napi_ok &&
	    napi_create_reference(env, kept, 1, &work->kept) == napi_ok &&
	    napi_create_async_work(env, NULL, name, execute, finish, work, &work->work) == napi_ok &&
	    napi_queue_async_work(env, work->work) == napi_ok)
		return promise;
	sonde_throw(env, "ENOMEM", "the call cannot be queued");
	return NULL;
}

// Takes [program, offset, isReturn] of one probe.
static bool take_probe(napi_env env, struct sonde_object *object, napi_value entry, struct probe *probe)
{
	napi_value values[3];
	double offset;
	char name[64];

	for (uint32_t i = 0; i < 3; i++)
		if (napi_get_element(env, entry, i, &values[i]) != napi_ok) {
			sonde_throw(env, "EINVAL", "expected a program, an offset and whether it is for returns");
			return false;
		}
	if (!sonde_string(env, values[0], name, sizeof(name)) || !sonde_number(env, values[1], &offset))
		return false;
	probe->program = sonde_object_program(object, name);
	probe->offset = (uint64_t)offset;
	if (!probe->program || napi_get_value_bool(env, values[2], &probe->is_return) != napi_ok) {
		sonde_throw_errno(env, ENOENT, "program %s cannot be attached", name);
		return false;
	}
	return true;
}

// attachProbes(object, path, probes: [program: string, offset: number, isReturn: boolean][]): Promise<handle>; all or none.
napi_value sonde_probes_attach(napi_env env, napi_callback_info info)
{
	napi_value arguments[3], promise;
	struct work *work;
	uint32_t count;

	if (!sonde_arguments(env, info, 3, arguments))
		return NULL;
	if (napi_get_array_length(env, arguments[2], &count) != napi_ok || count == 0 || count > MAX_PROBES) {
		sonde_throw_errno(env, EINVAL, "expected 1 to %d probes", MAX_PROBES);
		return NULL;
	}
	work = calloc(1, sizeof(*work));
	if (work)
		work->probes = calloc(1, sizeof(*work->probes));
	if (!work || !work->probes) {
		free(work);
		sonde_throw_errno(env, ENOMEM, "out of memory");
		return NULL;
	}
	work->resolve = attached;
	work->object = sonde_object_hold(env, arguments[0]);
	if (!work->object || !sonde_string(env, arguments[1], work->path, sizeof(work->path)))
		goto refused;
	for (uint32_t i = 0; i < count; i++) {
		napi_value entry;

		if (napi_get_element(env, arguments[2], i, &entry) != napi_ok ||
		    !take_probe(env, work->object, entry, &work->probes->list[i]))
			goto refused;
	}
	work->probes->count = count;
	libbpf_set_print(say_nothing);
	promise = begin(env, work, arguments[0], attach_all);
	if (promise)
		return promise;
refused:
	if (work->object)
		sonde_object_release(work->object);
	free(work->probes);
	free(work);
	return NULL;
}

// detachProbes(handle): Promise<void>; again is no error.
napi_value sonde_probes_detach(napi_env env, napi_callback_info info)
{
	napi_value arguments[1], promise;
	struct probes *probes;
	struct work *work;

	if (!sonde_arguments(env, info, 1, arguments) ||
	    !sonde_handle(env, arguments[0], &probes_tag, (void **)&probes))
		return NULL;
	work = calloc(1, sizeof(*work));
	if (!work) {
		sonde_throw_errno(env, ENOMEM, "out of memory");
		return NULL;
	}
	work->resolve = detached;
	work->probes = probes;
	promise = begin(env, work, arguments[0], detach_in_pool);
	if (!promise)
		free(work);
	return promise;
}
