// SPDX-License-Identifier: Apache-2.0
// Takes what the kernel side has gathered in a hash map: entries are copied into the caller's buffers and removed.

#include "sonde.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>

#define KEY_MOST 64

// Reads and removes one entry; what is added to it between the two where the kernel (before 5.14) cannot do both at once is lost.
static bool take(int fd, const void *key, void *value)
{
	if (bpf_map_lookup_and_delete_elem(fd, key, value) == 0)
		return true;
	if (errno == ENOENT || bpf_map_lookup_elem(fd, key, value))
		return false;
	return bpf_map_delete_elem(fd, key) == 0;
}

// mapTake(object, map, keys: Uint8Array, values: Uint8Array): number of entries taken, as many as both buffers hold at most.
napi_value sonde_map_take(napi_env env, napi_callback_info info)
{
	size_t keys_length, values_length, key_size, value_size, room, taken = 0;
	uint8_t *keys, *values, key[KEY_MOST], next[KEY_MOST];
	napi_value arguments[4];
	struct bpf_map *map;
	bool has_next;
	char name[64];
	int fd;

	if (!sonde_arguments(env, info, 4, arguments) || !sonde_string(env, arguments[1], name, sizeof(name)) ||
	    !sonde_bytes(env, arguments[2], &keys, &keys_length) ||
	    !sonde_bytes(env, arguments[3], &values, &values_length) ||
	    !(map = sonde_object_map(env, arguments[0], name)))
		return NULL;
	key_size = bpf_map__key_size(map);
	value_size = bpf_map__value_size(map);
	if (bpf_map__type(map) != BPF_MAP_TYPE_HASH || key_size > KEY_MOST) {
		sonde_throw_errno(env, EINVAL, "map %s is no hash with keys of at most %d bytes", name, KEY_MOST);
		return NULL;
	}
	room = keys_length / key_size < values_length / value_size ? keys_length / key_size : values_length / value_size;
	fd = bpf_map__fd(map);
	has_next = bpf_map_get_next_key(fd, NULL, next) == 0;
	while (has_next && taken < room) {
		memcpy(key, next, key_size);
		/* Before the entry is gone: from one that is not there the walk would begin anew. */
		has_next = bpf_map_get_next_key(fd, key, next) == 0;
		if (!take(fd, key, values + taken * value_size))
			continue;
		memcpy(keys + taken * key_size, key, key_size);
		taken++;
	}
	return sonde_double(env, (double)taken);
}
