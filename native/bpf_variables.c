// SPDX-License-Identifier: Apache-2.0
// Global 32-bit variables of an object by name: constants (.rodata), set before it is loaded, and settings (.data), which running
// programs see change.

#include "sonde.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *const sections[] = { ".rodata", ".data" };

// The map that holds the variable and where in it; NULL: there is none.
static struct bpf_map *find_variable(struct bpf_object *bpf, const char *name, uint32_t *offset)
{
	const struct btf *btf = bpf_object__btf(bpf);

	for (size_t i = 0; btf && i < sizeof(sections) / sizeof(sections[0]); i++) {
		int section = btf__find_by_name_kind(btf, sections[i], BTF_KIND_DATASEC);
		const struct btf_type *type = section > 0 ? btf__type_by_id(btf, section) : NULL;
		const struct btf_var_secinfo *variables = type ? btf_var_secinfos(type) : NULL;

		for (int at = 0; type && at < btf_vlen(type); at++) {
			const struct btf_type *variable = btf__type_by_id(btf, variables[at].type);

			if (variables[at].size == sizeof(uint32_t) &&
			    strcmp(btf__name_by_offset(btf, variable->name_off), name) == 0) {
				*offset = variables[at].offset;
				return bpf_object__find_map_by_name(bpf, sections[i]);
			}
		}
	}
	return NULL;
}

bool sonde_initial_variable(napi_env env, struct bpf_object *bpf, const char *name, uint32_t number)
{
	uint32_t offset;
	struct bpf_map *map = find_variable(bpf, name, &offset);
	size_t size;
	uint8_t *data = map ? (uint8_t *)bpf_map__initial_value(map, &size) : NULL;

	if (!data) {
		sonde_throw_errno(env, ENOENT, "the object has no 32-bit variable %s", name);
		return false;
	}
	memcpy(data + offset, &number, sizeof(number));
	return true;
}

// setVariable(object, name, number): of a loaded object; a constant cannot be changed any more.
napi_value sonde_set_variable(napi_env env, napi_callback_info info)
{
	uint32_t offset, zero = 0, value;
	struct bpf_object *bpf;
	napi_value arguments[3];
	struct bpf_map *map;
	uint8_t *data;
	char name[64];
	double number;

	if (!sonde_arguments(env, info, 3, arguments) || !(bpf = sonde_object_bpf(env, arguments[0])) ||
	    !sonde_string(env, arguments[1], name, sizeof(name)) || !sonde_number(env, arguments[2], &number))
		return NULL;
	map = find_variable(bpf, name, &offset);
	if (!map || !(number >= 0 && number <= UINT32_MAX)) {
		sonde_throw_errno(env, map ? ERANGE : ENOENT, "%s is no variable of 32 bits that takes %g", name, number);
		return NULL;
	}
	// The kernel takes the section as a whole; only user space writes to it.
	data = malloc(bpf_map__value_size(map));
	value = (uint32_t)number;
	if (!data) {
		sonde_throw_errno(env, ENOMEM, "out of memory");
		return NULL;
	}
	if (bpf_map_lookup_elem(bpf_map__fd(map), &zero, data) == 0) {
		memcpy(data + offset, &value, sizeof(value));
		if (bpf_map_update_elem(bpf_map__fd(map), &zero, data, BPF_ANY) == 0) {
			free(data);
			return NULL;
		}
	}
	sonde_throw_errno(env, errno, "variable %s cannot be set: %s", name, strerror(errno));
	free(data);
	return NULL;
}
