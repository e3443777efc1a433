/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the addon's files share. The addon loads kernel programs, drains rings into buffers of the caller and maps packet
 * sockets; it has no policy and parses nothing. Every call but those of user_probes.c is synchronous: it is made for a worker
 * thread of its own.
 */
#pragma once

#define NAPI_VERSION 9
#include <node_api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Throws an Error with `code` set to the name of the errno value. */
void sonde_throw_errno(napi_env env, int error, const char *format, ...) __attribute__((format(printf, 3, 4)));
void sonde_throw(napi_env env, const char *code, const char *message);

/* Arguments; each throws and returns false when the value is of another type. */
bool sonde_arguments(napi_env env, napi_callback_info info, size_t wanted, napi_value *values);
bool sonde_string(napi_env env, napi_value value, char *buffer, size_t size);
bool sonde_number(napi_env env, napi_value value, double *number);
bool sonde_bytes(napi_env env, napi_value value, uint8_t **bytes, size_t *length);
bool sonde_handle(napi_env env, napi_value value, const napi_type_tag *tag, void **handle);

napi_value sonde_double(napi_env env, double number);

/* A handle that JavaScript holds; `release` runs when it is collected or the environment ends, whichever is first. */
napi_value sonde_make_handle(napi_env env, const napi_type_tag *tag, void *handle, napi_finalize release);

/* Functions of the other files, by name as JavaScript sees them. */
#define SONDE_FUNCTION(name) napi_value name(napi_env env, napi_callback_info info)
SONDE_FUNCTION(sonde_object_open);
SONDE_FUNCTION(sonde_object_attach);
SONDE_FUNCTION(sonde_object_detach);
SONDE_FUNCTION(sonde_object_close);
SONDE_FUNCTION(sonde_map_update);
SONDE_FUNCTION(sonde_map_update_many);
SONDE_FUNCTION(sonde_map_delete);
SONDE_FUNCTION(sonde_map_sums);
SONDE_FUNCTION(sonde_map_take);
SONDE_FUNCTION(sonde_map_entries);
SONDE_FUNCTION(sonde_set_variable);
SONDE_FUNCTION(sonde_counting_start);
SONDE_FUNCTION(sonde_counting_stop);
SONDE_FUNCTION(sonde_program_stats);
SONDE_FUNCTION(sonde_ring_open);
SONDE_FUNCTION(sonde_ring_poll);
SONDE_FUNCTION(sonde_ring_waiting);
SONDE_FUNCTION(sonde_perf_open);
SONDE_FUNCTION(sonde_perf_poll);
SONDE_FUNCTION(sonde_iterator_open);
SONDE_FUNCTION(sonde_iterator_read);
SONDE_FUNCTION(sonde_iterator_close);
SONDE_FUNCTION(sonde_packets_open);
SONDE_FUNCTION(sonde_packets_poll);
SONDE_FUNCTION(sonde_packets_stats);
SONDE_FUNCTION(sonde_packets_close);
SONDE_FUNCTION(sonde_probes_attach);
SONDE_FUNCTION(sonde_probes_detach);
SONDE_FUNCTION(sonde_clock_offset);
SONDE_FUNCTION(sonde_trim_memory);
SONDE_FUNCTION(sonde_claim_name);
SONDE_FUNCTION(sonde_ask_name);
SONDE_FUNCTION(sonde_program_ids);

/* What libbpf has of an open object; NULL and an exception when it is closed. */
struct bpf_object;
struct bpf_object *sonde_object_bpf(napi_env env, napi_value handle);

/* Sets a 32-bit variable before the object is loaded; false and an exception when there is none of that name. */
bool sonde_initial_variable(napi_env env, struct bpf_object *bpf, const char *name, uint32_t number);

/* A map of an open object, alive until the object is closed; NULL and an exception when there is none of that name. */
struct bpf_map;
struct bpf_map *sonde_object_map(napi_env env, napi_value handle, const char *name);

/* An open object that stays open while another thread works with it, and one of its programs; NULL (for the first with an exception). */
struct sonde_object;
struct bpf_program;
struct sonde_object *sonde_object_hold(napi_env env, napi_value handle);
void sonde_object_release(struct sonde_object *object);
struct bpf_program *sonde_object_program(struct sonde_object *object, const char *name);
