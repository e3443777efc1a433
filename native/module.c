// SPDX-License-Identifier: Apache-2.0
// The addon's table of functions, and what they share: arguments, handles, errors.

#include "sonde.h"

#include <errno.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void sonde_throw(napi_env env, const char *code, const char *message)
{
	bool pending = false;

	napi_is_exception_pending(env, &pending);
	if (!pending)
		napi_throw_error(env, code, message);
}

void sonde_throw_errno(napi_env env, int error, const char *format, ...)
{
	const char *code = strerrorname_np(error);
	char message[4096];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	sonde_throw(env, code ? code : "EUNKNOWN", message);
}

bool sonde_arguments(napi_env env, napi_callback_info info, size_t wanted, napi_value *values)
{
	size_t given = wanted;

	if (napi_get_cb_info(env, info, &given, values, NULL, NULL) != napi_ok || given < wanted) {
		sonde_throw(env, "EINVAL", "too few arguments");
		return false;
	}
	return true;
}

bool sonde_string(napi_env env, napi_value value, char *buffer, size_t size)
{
	size_t length;

	if (napi_get_value_string_utf8(env, value, buffer, size, &length) != napi_ok || length + 1 >= size) {
		sonde_throw(env, "EINVAL", "expected a string, or a shorter one");
		return false;
	}
	return true;
}

bool sonde_number(napi_env env, napi_value value, double *number)
{
	if (napi_get_value_double(env, value, number) != napi_ok) {
		sonde_throw(env, "EINVAL", "expected a number");
		return false;
	}
	return true;
}

bool sonde_bytes(napi_env env, napi_value value, uint8_t **bytes, size_t *length)
{
	napi_typedarray_type type;

	if (napi_get_typedarray_info(env, value, &type, length, (void **)bytes, NULL, NULL) != napi_ok ||
	    type != napi_uint8_array) {
		sonde_throw(env, "EINVAL", "expected a Uint8Array");
		return false;
	}
	return true;
}

bool sonde_handle(napi_env env, napi_value value, const napi_type_tag *tag, void **handle)
{
	bool is_ours = false;

	if (napi_check_object_type_tag(env, value, tag, &is_ours) != napi_ok || !is_ours ||
	    napi_get_value_external(env, value, handle) != napi_ok) {
		sonde_throw(env, "EINVAL", "expected a handle of another kind");
		return false;
	}
	return true;
}

napi_value sonde_make_handle(napi_env env, const napi_type_tag *tag, void *handle, napi_finalize release)
{
	napi_value value;

	if (napi_create_external(env, handle, release, NULL, &value) != napi_ok ||
	    napi_type_tag_object(env, value, tag) != napi_ok) {
		sonde_throw(env, "ENOMEM", "no handle could be made");
		return NULL;
	}
	return value;
}

napi_value sonde_double(napi_env env, double number)
{
	napi_value value = NULL;

	napi_create_double(env, number, &value);
	return value;
}

// trimMemory(): gives free pages of the C library's heaps, those within as well, back to the system.
napi_value sonde_trim_memory(napi_env env, napi_callback_info info)
{
	(void)env;
	(void)info;
#ifdef __GLIBC__
	malloc_trim(0);
#endif
	return NULL;
}

// What to add to CLOCK_MONOTONIC nanoseconds for nanoseconds since 1970: the tightest of a few readings.
napi_value sonde_clock_offset(napi_env env, napi_callback_info info)
{
	int64_t best_offset = 0, best_width = INT64_MAX;

	(void)info;
	for (int i = 0; i < 16; i++) {
		struct timespec before, real, after;
		int64_t start, end, middle;

		clock_gettime(CLOCK_MONOTONIC, &before);
		clock_gettime(CLOCK_REALTIME, &real);
		clock_gettime(CLOCK_MONOTONIC, &after);
		start = before.tv_sec * 1000000000LL + before.tv_nsec;
		end = after.tv_sec * 1000000000LL + after.tv_nsec;
		middle = start + (end - start) / 2;
		if (end - start < best_width) {
			best_width = end - start;
			best_offset = real.tv_sec * 1000000000LL + real.tv_nsec - middle;
		}
	}
	return sonde_double(env, (double)best_offset);
}

static const struct {
	const char *name;
	napi_callback function;
} functions[] = {
	{ "openObject", sonde_object_open },   { "attach", sonde_object_attach },
	{ "detach", sonde_object_detach },
	{ "closeObject", sonde_object_close }, { "mapUpdate", sonde_map_update },
	{ "mapUpdateMany", sonde_map_update_many },
	{ "mapDelete", sonde_map_delete },     { "mapSums", sonde_map_sums },
	{ "mapTake", sonde_map_take },
	{ "mapEntries", sonde_map_entries },   { "setVariable", sonde_set_variable },
	{ "startCounting", sonde_counting_start }, { "stopCounting", sonde_counting_stop },
	{ "programStats", sonde_program_stats },
	{ "openRing", sonde_ring_open },       { "pollRing", sonde_ring_poll },
	{ "ringWaiting", sonde_ring_waiting },
	{ "openPerfRings", sonde_perf_open },  { "pollPerfRings", sonde_perf_poll },
	{ "openIterator", sonde_iterator_open }, { "readIterator", sonde_iterator_read },
	{ "closeIterator", sonde_iterator_close },
	{ "openPackets", sonde_packets_open }, { "pollPackets", sonde_packets_poll },
	{ "packetStats", sonde_packets_stats }, { "closePackets", sonde_packets_close },
	{ "attachProbes", sonde_probes_attach }, { "detachProbes", sonde_probes_detach },
	{ "clockOffsetNs", sonde_clock_offset },
	{ "trimMemory", sonde_trim_memory },
	{ "claimName", sonde_claim_name },     { "askName", sonde_ask_name },
	{ "programIds", sonde_program_ids },
};

NAPI_MODULE_INIT()
{
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		napi_value function;

		if (napi_create_function(env, functions[i].name, NAPI_AUTO_LENGTH, functions[i].function, NULL,
					 &function) != napi_ok ||
		    napi_set_named_property(env, exports, functions[i].name, function) != napi_ok)
			return NULL;
	}
	return exports;
}
