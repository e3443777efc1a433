// SPDX-License-Identifier: Apache-2.0
// A loaded BPF object: opened with the programs and sizes the caller names, attached program by program, closed as a whole.
// Closing detaches everything; it also happens when the environment (process or worker) ends without being asked.

#include "sonde.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_LINKS 64
#define LOG_SIZE 4096

static const napi_type_tag object_tag = { 0x6f627366f1c04e11, 0x9b4d2c6e10a7d2b1 };

struct sonde_object {
	struct bpf_object *bpf;
	struct bpf_link *links[MAX_LINKS];
	/* Of each link. */
	struct bpf_program *linked[MAX_LINKS];
	size_t link_count;
	/* Threads that work with it. */
	size_t held;
	napi_env env;
};

// The last lines libbpf said on this thread: they hold the verifier's reason when a load is refused.
static _Thread_local char log_text[LOG_SIZE];
static _Thread_local size_t log_length;

static int keep_log(enum libbpf_print_level level, const char *format, va_list arguments)
{
	char line[2048];
	size_t length;

	if (level == LIBBPF_DEBUG)
		return 0;
	vsnprintf(line, sizeof(line), format, arguments);
	length = strlen(line);
	if (log_length + length >= LOG_SIZE) {
		size_t half = log_length / 2;

		memmove(log_text, log_text + half, log_length - half);
		log_length -= half;
	}
	if (log_length + length < LOG_SIZE) {
		memcpy(log_text + log_length, line, length);
		log_length += length;
		log_text[log_length] = 0;
	}
	return 0;
}

static void begin_log(void)
{
	log_length = 0;
	log_text[0] = 0;
	libbpf_set_print(keep_log);
}

static void close_object(struct sonde_object *object)
{
	for (size_t i = 0; i < object->link_count; i++)
		bpf_link__destroy(object->links[i]);
	object->link_count = 0;
	if (object->bpf)
		bpf_object__close(object->bpf);
	object->bpf = NULL;
}

static void end_of_environment(void *handle)
{
	struct sonde_object *object = handle;

	/* What a thread still works with goes with the process. */
	if (object->held == 0)
		close_object(object);
}

static void release_object(napi_env env, void *handle, void *hint)
{
	struct sonde_object *object = handle;

	(void)hint;
	napi_remove_env_cleanup_hook(env, end_of_environment, object);
	if (object->held > 0)
		return;
	close_object(object);
	free(object);
}

// Calls `apply` with each name and number of a JavaScript object.
static bool each_number(napi_env env, napi_value record, struct bpf_object *bpf,
			bool (*apply)(napi_env, struct bpf_object *, const char *, uint32_t))
{
	napi_value names;
	uint32_t count;

	if (napi_get_property_names(env, record, &names) != napi_ok ||
	    napi_get_array_length(env, names, &count) != napi_ok) {
		sonde_throw(env, "EINVAL", "expected an object of numbers");
		return false;
	}
	for (uint32_t i = 0; i < count; i++) {
		napi_value name_value, value;
		char name[64];
		double number;

		napi_get_element(env, names, i, &name_value);
		napi_get_property(env, record, name_value, &value);
		if (!sonde_string(env, name_value, name, sizeof(name)) || !sonde_number(env, value, &number))
			return false;
		if (!(number >= 0 && number <= UINT32_MAX)) {
			sonde_throw_errno(env, ERANGE, "%s takes a number of 32 bits", name);
			return false;
		}
		if (!apply(env, bpf, name, (uint32_t)number))
			return false;
	}
	return true;
}

static bool set_map_size(napi_env env, struct bpf_object *bpf, const char *name, uint32_t entries)
{
	struct bpf_map *map = bpf_object__find_map_by_name(bpf, name);

	if (map && bpf_map__set_max_entries(map, entries) == 0)
		return true;
	sonde_throw_errno(env, ENOENT, "the object has no map %s", name);
	return false;
}

// Leaves only the named programs to be loaded.
static bool choose_programs(napi_env env, struct bpf_object *bpf, napi_value names)
{
	struct bpf_program *program;
	uint32_t count;

	if (napi_get_array_length(env, names, &count) != napi_ok) {
		sonde_throw(env, "EINVAL", "expected an array of program names");
		return false;
	}
	bpf_object__for_each_program(program, bpf)
		bpf_program__set_autoload(program, false);
	for (uint32_t i = 0; i < count; i++) {
		napi_value value;
		char name[64];

		napi_get_element(env, names, i, &value);
		if (!sonde_string(env, value, name, sizeof(name)))
			return false;
		program = bpf_object__find_program_by_name(bpf, name);
		if (!program) {
			sonde_throw_errno(env, ENOENT, "the object has no program %s", name);
			return false;
		}
		bpf_program__set_autoload(program, true);
	}
	return true;
}

// openObject(path, programs: string[], variables: Record<string, number>, mapSizes: Record<string, number>, btfPath: string)
napi_value sonde_object_open(napi_env env, napi_callback_info info)
{
	napi_value arguments[5], handle;
	char path[4096], btf_path[4096];
	struct sonde_object *object;
	int error;

	if (!sonde_arguments(env, info, 5, arguments) || !sonde_string(env, arguments[0], path, sizeof(path)) ||
	    !sonde_string(env, arguments[4], btf_path, sizeof(btf_path)))
		return NULL;
	begin_log();
	object = calloc(1, sizeof(*object));
	if (!object) {
		sonde_throw_errno(env, ENOMEM, "out of memory");
		return NULL;
	}
	object->env = env;
	LIBBPF_OPTS(bpf_object_open_opts, options);
	if (btf_path[0])
		options.btf_custom_path = btf_path;
	object->bpf = bpf_object__open_file(path, &options);
	if (!object->bpf) {
		sonde_throw_errno(env, errno, "%s cannot be opened: %s", path, log_text);
		free(object);
		return NULL;
	}
	if (!choose_programs(env, object->bpf, arguments[1]) ||
	    !each_number(env, arguments[2], object->bpf, sonde_initial_variable) ||
	    !each_number(env, arguments[3], object->bpf, set_map_size)) {
		close_object(object);
		free(object);
		return NULL;
	}
	error = bpf_object__load(object->bpf);
	if (error) {
		sonde_throw_errno(env, -error, "the kernel refused to load: %s", log_text);
		close_object(object);
		free(object);
		return NULL;
	}
	handle = sonde_make_handle(env, &object_tag, object, release_object);
	if (!handle) {
		close_object(object);
		free(object);
		return NULL;
	}
	napi_add_env_cleanup_hook(env, end_of_environment, object);
	return handle;
}

static struct sonde_object *open_object(napi_env env, napi_value value)
{
	struct sonde_object *object;

	if (!sonde_handle(env, value, &object_tag, (void **)&object))
		return NULL;
	if (!object->bpf) {
		sonde_throw_errno(env, EBADF, "the object is closed");
		return NULL;
	}
	return object;
}

// attach(object, program): by the section name of the program.
napi_value sonde_object_attach(napi_env env, napi_callback_info info)
{
	napi_value arguments[2];
	struct bpf_program *program;
	struct sonde_object *object;
	struct bpf_link *link;
	char name[64];

	if (!sonde_arguments(env, info, 2, arguments) || !(object = open_object(env, arguments[0])) ||
	    !sonde_string(env, arguments[1], name, sizeof(name)))
		return NULL;
	program = bpf_object__find_program_by_name(object->bpf, name);
	if (!program || object->link_count >= MAX_LINKS) {
		sonde_throw_errno(env, program ? E2BIG : ENOENT, "program %s cannot be attached", name);
		return NULL;
	}
	begin_log();
	link = bpf_program__attach(program);
	if (!link) {
		sonde_throw_errno(env, errno, "%s cannot be attached: %s", name, log_text);
		return NULL;
	}
	object->linked[object->link_count] = program;
	object->links[object->link_count++] = link;
	return NULL;
}

// detach(object, program): the program stays loaded; one that is not attached is no error.
napi_value sonde_object_detach(napi_env env, napi_callback_info info)
{
	napi_value arguments[2];
	struct bpf_program *program;
	struct sonde_object *object;
	char name[64];

	if (!sonde_arguments(env, info, 2, arguments) || !(object = open_object(env, arguments[0])) ||
	    !sonde_string(env, arguments[1], name, sizeof(name)))
		return NULL;
	program = bpf_object__find_program_by_name(object->bpf, name);
	for (size_t i = 0; program && i < object->link_count; i++) {
		if (object->linked[i] != program)
			continue;
		bpf_link__destroy(object->links[i]);
		object->link_count--;
		object->links[i] = object->links[object->link_count];
		object->linked[i] = object->linked[object->link_count];
		break;
	}
	return NULL;
}

// closeObject(object): detaches and unloads; again is no error.
napi_value sonde_object_close(napi_env env, napi_callback_info info)
{
	napi_value arguments[1];
	struct sonde_object *object;

	if (!sonde_arguments(env, info, 1, arguments) ||
	    !sonde_handle(env, arguments[0], &object_tag, (void **)&object))
		return NULL;
	if (object->held > 0)
		sonde_throw_errno(env, EBUSY, "probes of the object are being attached");
	else
		close_object(object);
	return NULL;
}

struct sonde_object *sonde_object_hold(napi_env env, napi_value handle)
{
	struct sonde_object *object = open_object(env, handle);

	if (object)
		object->held++;
	return object;
}

void sonde_object_release(struct sonde_object *object)
{
	object->held--;
}

struct bpf_program *sonde_object_program(struct sonde_object *object, const char *name)
{
	return bpf_object__find_program_by_name(object->bpf, name);
}

struct bpf_object *sonde_object_bpf(napi_env env, napi_value handle)
{
	struct sonde_object *object = open_object(env, handle);

	return object ? object->bpf : NULL;
}

struct bpf_map *sonde_object_map(napi_env env, napi_value handle, const char *name)
{
	struct sonde_object *object = open_object(env, handle);
	struct bpf_map *map = object ? bpf_object__find_map_by_name(object->bpf, name) : NULL;

	if (object && !map)
		sonde_throw_errno(env, ENOENT, "the object has no map %s", name);
	return map;
}

// Whether what the caller gives is as long as what the kernel will read.
static bool is_of_size(napi_env env, const struct bpf_map *map, const char *what, size_t given, size_t wanted)
{
	if (given == wanted)
		return true;
	sonde_throw_errno(env, EINVAL, "map %s takes a %s of %zu bytes, not of %zu", bpf_map__name(map), what, wanted,
			  given);
	return false;
}

// The kernel reads and writes one value for each possible CPU.
static bool is_per_cpu(const struct bpf_map *map)
{
	enum bpf_map_type type = bpf_map__type(map);

	return type == BPF_MAP_TYPE_PERCPU_ARRAY || type == BPF_MAP_TYPE_PERCPU_HASH ||
	       type == BPF_MAP_TYPE_LRU_PERCPU_HASH || type == BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE;
}

static bool is_written_by_user(napi_env env, const struct bpf_map *map)
{
	if (!is_per_cpu(map))
		return true;
	sonde_throw_errno(env, EINVAL, "map %s has a value for each CPU and is only written by the kernel",
			  bpf_map__name(map));
	return false;
}

// mapUpdate(object, map, key: Uint8Array, value: Uint8Array)
napi_value sonde_map_update(napi_env env, napi_callback_info info)
{
	napi_value arguments[4];
	uint8_t *key, *value;
	size_t key_length, value_length;
	struct bpf_map *map;
	char name[64];

	if (!sonde_arguments(env, info, 4, arguments) || !sonde_string(env, arguments[1], name, sizeof(name)) ||
	    !sonde_bytes(env, arguments[2], &key, &key_length) ||
	    !sonde_bytes(env, arguments[3], &value, &value_length) ||
	    !(map = sonde_object_map(env, arguments[0], name)) ||
	    !is_of_size(env, map, "key", key_length, bpf_map__key_size(map)) ||
	    !is_of_size(env, map, "value", value_length, bpf_map__value_size(map)))
		return NULL;
	if (!is_written_by_user(env, map))
		return NULL;
	if (bpf_map_update_elem(bpf_map__fd(map), key, value, BPF_ANY))
		sonde_throw_errno(env, errno, "map %s does not take the entry: %s", name, strerror(errno));
	return NULL;
}

// mapUpdateMany(object, map, keys: Uint8Array, values: Uint8Array): number of entries that the map took, in one call from JavaScript.
napi_value sonde_map_update_many(napi_env env, napi_callback_info info)
{
	size_t keys_length, values_length, key_size, value_size, count, taken = 0;
	napi_value arguments[4];
	uint8_t *keys, *values;
	struct bpf_map *map;
	char name[64];

	if (!sonde_arguments(env, info, 4, arguments) || !sonde_string(env, arguments[1], name, sizeof(name)) ||
	    !sonde_bytes(env, arguments[2], &keys, &keys_length) ||
	    !sonde_bytes(env, arguments[3], &values, &values_length) ||
	    !(map = sonde_object_map(env, arguments[0], name)) || !is_written_by_user(env, map))
		return NULL;
	key_size = bpf_map__key_size(map);
	value_size = bpf_map__value_size(map);
	count = key_size > 0 ? keys_length / key_size : 0;
	if (!is_of_size(env, map, "list of keys", keys_length, count * key_size) ||
	    !is_of_size(env, map, "list of values", values_length, count * value_size))
		return NULL;
	for (size_t i = 0; i < count; i++)
		if (bpf_map_update_elem(bpf_map__fd(map), keys + i * key_size, values + i * value_size, BPF_ANY) == 0)
			taken++;
	return sonde_double(env, (double)taken);
}

// mapDelete(object, map, key: Uint8Array): a key that is not there is no error.
napi_value sonde_map_delete(napi_env env, napi_callback_info info)
{
	napi_value arguments[3];
	struct bpf_map *map;
	uint8_t *key;
	size_t key_length;
	char name[64];

	if (!sonde_arguments(env, info, 3, arguments) || !sonde_string(env, arguments[1], name, sizeof(name)) ||
	    !sonde_bytes(env, arguments[2], &key, &key_length) ||
	    !(map = sonde_object_map(env, arguments[0], name)) ||
	    !is_of_size(env, map, "key", key_length, bpf_map__key_size(map)))
		return NULL;
	if (bpf_map_delete_elem(bpf_map__fd(map), key) && errno != ENOENT)
		sonde_throw_errno(env, errno, "map %s keeps the entry: %s", name, strerror(errno));
	return NULL;
}

// All entries of a per-CPU array at once, where the kernel does that (5.13), else one by one: this is asked for with each look at the ring.
static void read_counters(int map, uint32_t *keys, uint64_t *values, uint32_t entries, int cpus)
{
	uint32_t last, count = entries;

	if ((bpf_map_lookup_batch(map, NULL, &last, keys, values, &count, NULL) == 0 || errno == ENOENT) && count == entries)
		return;
	for (uint32_t i = 0; i < entries; i++)
		if (bpf_map_lookup_elem(map, &i, values + (size_t)i * cpus))
			memset(values + (size_t)i * cpus, 0, cpus * sizeof(*values));
}

// mapSums(object, map): number[] with the sum over all CPUs of each entry of a per-CPU array of 64-bit counters.
napi_value sonde_map_sums(napi_env env, napi_callback_info info)
{
	int cpus = libbpf_num_possible_cpus();
	napi_value arguments[2], sums;
	uint32_t *keys, entries;
	struct bpf_map *map;
	uint64_t *values;
	char name[64];

	if (!sonde_arguments(env, info, 2, arguments) || !sonde_string(env, arguments[1], name, sizeof(name)) ||
	    !(map = sonde_object_map(env, arguments[0], name)))
		return NULL;
	if (bpf_map__type(map) != BPF_MAP_TYPE_PERCPU_ARRAY || bpf_map__value_size(map) != sizeof(*values)) {
		sonde_throw_errno(env, EINVAL, "map %s is no per-CPU array of 64-bit counters", name);
		return NULL;
	}
	entries = bpf_map__max_entries(map);
	values = cpus > 0 ? calloc((size_t)entries * cpus, sizeof(*values)) : NULL;
	keys = calloc(entries, sizeof(*keys));
	if (!values || !keys || napi_create_array_with_length(env, entries, &sums) != napi_ok) {
		free(values);
		free(keys);
		sonde_throw_errno(env, ENOMEM, "out of memory");
		return NULL;
	}
	read_counters(bpf_map__fd(map), keys, values, entries, cpus);
	for (uint32_t i = 0; i < entries; i++) {
		uint64_t sum = 0;

		for (int cpu = 0; cpu < cpus; cpu++)
			sum += values[(size_t)i * cpus + cpu];
		napi_set_element(env, sums, i, sonde_double(env, (double)sum));
	}
	free(values);
	free(keys);
	return sums;
}

// mapEntries(object, map, keys: Uint8Array, values: Uint8Array): how many entries were copied, as many as there is room for. While programs
// write, one may come twice or not at all.
napi_value sonde_map_entries(napi_env env, napi_callback_info info)
{
	size_t keys_length, values_length, key_size, value_size, most, count = 0;
	napi_value arguments[4];
	uint8_t *keys, *values;
	struct bpf_map *map;
	char name[64];

	if (!sonde_arguments(env, info, 4, arguments) || !sonde_string(env, arguments[1], name, sizeof(name)) ||
	    !sonde_bytes(env, arguments[2], &keys, &keys_length) ||
	    !sonde_bytes(env, arguments[3], &values, &values_length) ||
	    !(map = sonde_object_map(env, arguments[0], name)))
		return NULL;
	key_size = bpf_map__key_size(map);
	value_size = bpf_map__value_size(map);
	if (is_per_cpu(map) || key_size == 0 || value_size == 0) {
		sonde_throw_errno(env, EINVAL, "map %s has no entries to read", name);
		return NULL;
	}
	most = keys_length / key_size;
	if (most > values_length / value_size)
		most = values_length / value_size;
	// A key that lost its value is written over by the next.
	for (uint8_t *before = NULL; count < most; before = keys + count++ * key_size)
		do {
			if (bpf_map_get_next_key(bpf_map__fd(map), before, keys + count * key_size))
				return sonde_double(env, (double)count);
			before = keys + count * key_size;
		} while (bpf_map_lookup_elem(bpf_map__fd(map), before, values + count * value_size));
	return sonde_double(env, (double)count);
}
