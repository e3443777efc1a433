// SPDX-License-Identifier: Apache-2.0
// How agents of one host find each other: a name that one process of a network namespace can hold (an abstract Unix socket, which
// ends with its process and leaves nothing behind), and the kernel programs that are loaded, whatever namespace loaded them.

#include "sonde.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define MAX_ANSWER 4096
/* Of kernel programs looked at; a host has some hundreds. */
#define MAX_PROGRAMS 65536

static socklen_t address_of(const char *name, struct sockaddr_un *address)
{
	size_t length = strlen(name);

	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	/* The first byte is 0: no file. */
	memcpy(address->sun_path + 1, name, length);
	return offsetof(struct sockaddr_un, sun_path) + 1 + length;
}

static double now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000.0 + now.tv_nsec / 1e6;
}

static bool take_name(napi_env env, napi_value value, struct sockaddr_un *address, socklen_t *length)
{
	char name[sizeof(address->sun_path) - 1];

	if (!sonde_string(env, value, name, sizeof(name)))
		return false;
	*length = address_of(name, address);
	return true;
}

// claimName(name): a listening descriptor, the caller's to close; EADDRINUSE when another process holds the name.
napi_value sonde_claim_name(napi_env env, napi_callback_info info)
{
	struct sockaddr_un address;
	napi_value arguments[1];
	socklen_t length;
	int fd;

	if (!sonde_arguments(env, info, 1, arguments) || !take_name(env, arguments[0], &address, &length))
		return NULL;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, length) || listen(fd, 16)) {
		int error = errno;

		if (fd >= 0)
			close(fd);
		sonde_throw_errno(env, error, "the name cannot be held: %s", strerror(error));
		return NULL;
	}
	return sonde_double(env, fd);
}

// askName(name, timeoutMs): [pid, uid, what it says] of the process that holds the name, as the kernel knows it (pid 0: of another
// pid namespace); ECONNREFUSED when nobody does. Nothing is said when it does not answer in time.
napi_value sonde_ask_name(napi_env env, napi_callback_info info)
{
	struct sockaddr_un address;
	napi_value arguments[2], answer, text;
	struct timeval limit;
	struct ucred owner;
	socklen_t length, owner_length = sizeof(owner);
	char said[MAX_ANSWER];
	size_t count = 0;
	double timeout_ms, end_ms;
	ssize_t n;
	int fd;

	if (!sonde_arguments(env, info, 2, arguments) || !take_name(env, arguments[0], &address, &length) ||
	    !sonde_number(env, arguments[1], &timeout_ms))
		return NULL;
	end_ms = now_ms() + timeout_ms;
	limit.tv_sec = (time_t)(timeout_ms / 1000);
	limit.tv_usec = (suseconds_t)((timeout_ms - limit.tv_sec * 1000.0) * 1000);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) ||
	    connect(fd, (struct sockaddr *)&address, length) ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &owner, &owner_length)) {
		int error = errno;

		if (fd >= 0)
			close(fd);
		sonde_throw_errno(env, error, "nobody answers: %s", strerror(error));
		return NULL;
	}
	while (count < sizeof(said) && now_ms() < end_ms && (n = recv(fd, said + count, sizeof(said) - count, 0)) > 0)
		count += n;
	close(fd);
	if (napi_create_array_with_length(env, 3, &answer) != napi_ok ||
	    napi_create_string_utf8(env, said, count, &text) != napi_ok) {
		sonde_throw_errno(env, ENOMEM, "out of memory");
		return NULL;
	}
	napi_set_element(env, answer, 0, sonde_double(env, owner.pid));
	napi_set_element(env, answer, 1, sonde_double(env, owner.uid));
	napi_set_element(env, answer, 2, text);
	return answer;
}

// programIds(prefix): ids of the loaded kernel programs whose names begin so, ascending; EPERM without CAP_SYS_ADMIN.
napi_value sonde_program_ids(napi_env env, napi_callback_info info)
{
	napi_value arguments[1], ids;
	uint32_t id = 0, count = 0;
	char prefix[16];

	if (!sonde_arguments(env, info, 1, arguments) || !sonde_string(env, arguments[0], prefix, sizeof(prefix)))
		return NULL;
	if (napi_create_array(env, &ids) != napi_ok) {
		sonde_throw_errno(env, ENOMEM, "out of memory");
		return NULL;
	}
	for (int i = 0; i < MAX_PROGRAMS; i++) {
		struct bpf_prog_info program = {};
		uint32_t size = sizeof(program);
		int fd;

		if (bpf_prog_get_next_id(id, &id)) {
			if (errno != ENOENT)
				sonde_throw_errno(env, errno, "kernel programs cannot be listed: %s", strerror(errno));
			break;
		}
		fd = bpf_prog_get_fd_by_id(id);
		if (fd < 0) {
			/* It was unloaded meanwhile. */
			if (errno == ENOENT)
				continue;
			sonde_throw_errno(env, errno, "kernel programs cannot be listed: %s", strerror(errno));
			break;
		}
		if (bpf_obj_get_info_by_fd(fd, &program, &size) == 0 &&
		    strncmp(program.name, prefix, strlen(prefix)) == 0)
			napi_set_element(env, ids, count++, sonde_double(env, id));
		close(fd);
	}
	return ids;
}
