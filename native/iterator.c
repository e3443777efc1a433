// SPDX-License-Identifier: Apache-2.0
// Reads what an iterator program writes: one pass over all entries of a map, or over all open files, for each time it is asked. The
// kernel cuts its output anywhere; a pass that does not fit into the caller's buffer goes on with the next call.

#include "sonde.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const napi_type_tag iterator_tag = { 0x697465725b1e8d03, 0xa9c47f1266d0be57 };

struct iterator {
	struct bpf_link *link;
	/* Of the pass in progress; -1: none. */
	int pass;
};

static void close_iterator(struct iterator *iterator)
{
	if (iterator->pass >= 0)
		close(iterator->pass);
	if (iterator->link)
		bpf_link__destroy(iterator->link);
	iterator->pass = -1;
	iterator->link = NULL;
}

static void release_iterator(napi_env env, void *handle, void *hint)
{
	(void)env;
	(void)hint;
	close_iterator(handle);
	free(handle);
}

// openIterator(object, program, map: string): `map` is empty when the program does not walk one.
napi_value sonde_iterator_open(napi_env env, napi_callback_info info)
{
	LIBBPF_OPTS(bpf_iter_attach_opts, options);
	union bpf_iter_link_info target = {};
	napi_value arguments[3], handle;
	struct bpf_program *program;
	struct bpf_object *bpf;
	struct iterator *iterator;
	char name[64], map_name[64];
	struct bpf_map *map;

	if (!sonde_arguments(env, info, 3, arguments) || !sonde_string(env, arguments[1], name, sizeof(name)) ||
	    !sonde_string(env, arguments[2], map_name, sizeof(map_name)))
		return NULL;
	if (map_name[0]) {
		map = sonde_object_map(env, arguments[0], map_name);
		if (!map)
			return NULL;
		target.map.map_fd = bpf_map__fd(map);
		options.link_info = &target;
		options.link_info_len = sizeof(target);
	}
	bpf = sonde_object_bpf(env, arguments[0]);
	if (!bpf)
		return NULL;
	program = bpf_object__find_program_by_name(bpf, name);
	iterator = program ? calloc(1, sizeof(*iterator)) : NULL;
	if (!iterator) {
		sonde_throw_errno(env, program ? ENOMEM : ENOENT, "iterator %s cannot be opened", name);
		return NULL;
	}
	iterator->pass = -1;
	iterator->link = bpf_program__attach_iter(program, &options);
	if (!iterator->link) {
		sonde_throw_errno(env, errno, "iterator %s cannot be opened: %s", name, strerror(errno));
		free(iterator);
		return NULL;
	}
	handle = sonde_make_handle(env, &iterator_tag, iterator, release_iterator);
	if (!handle)
		release_iterator(env, iterator, NULL);
	return handle;
}

// readIterator(iterator, destination: Uint8Array): bytes written; less than there is room for: the pass is over.
napi_value sonde_iterator_read(napi_env env, napi_callback_info info)
{
	struct iterator *iterator;
	napi_value arguments[2];
	size_t room, written = 0;
	uint8_t *target;

	if (!sonde_arguments(env, info, 2, arguments) ||
	    !sonde_handle(env, arguments[0], &iterator_tag, (void **)&iterator) ||
	    !sonde_bytes(env, arguments[1], &target, &room))
		return NULL;
	if (!iterator->link) {
		sonde_throw_errno(env, EBADF, "the iterator is closed");
		return NULL;
	}
	if (iterator->pass < 0)
		iterator->pass = bpf_iter_create(bpf_link__fd(iterator->link));
	if (iterator->pass < 0) {
		sonde_throw_errno(env, errno, "the iterator does not begin: %s", strerror(errno));
		return NULL;
	}
	while (written < room) {
		ssize_t length = read(iterator->pass, target + written, room - written);
		int error = errno;

		// EAGAIN: the kernel rests after a million entries.
		if (length < 0 && (error == EAGAIN || error == EINTR))
			continue;
		if (length > 0) {
			written += length;
			continue;
		}
		close(iterator->pass);
		iterator->pass = -1;
		if (length < 0) {
			sonde_throw_errno(env, error, "the iterator cannot be read: %s", strerror(error));
			return NULL;
		}
		break;
	}
	return sonde_double(env, (double)written);
}

// closeIterator(iterator): detaches; again is no error.
napi_value sonde_iterator_close(napi_env env, napi_callback_info info)
{
	struct iterator *iterator;
	napi_value arguments[1];

	if (sonde_arguments(env, info, 1, arguments) &&
	    sonde_handle(env, arguments[0], &iterator_tag, (void **)&iterator))
		close_iterator(iterator);
	return NULL;
}
