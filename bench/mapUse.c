// SPDX-License-Identifier: Apache-2.0
// Entries of the kernel's maps with these ids, one line each: "name entries room". Arrays and rings are passed over: they have no entries that come and go.
// Usage: mapUse ID ...

#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define AT_ONCE 4096

static long bpf(int command, union bpf_attr *attributes)
{
	return syscall(SYS_bpf, command, attributes, sizeof(*attributes));
}

int main(int argc, char **argv)
{
	for (int at = 1; at < argc; at++) {
		union bpf_attr attributes = { .map_id = atoi(argv[at]) };
		struct bpf_map_info map = {};
		unsigned long entries = 0;
		char *keys, *values, position[8];
		int fd = bpf(BPF_MAP_GET_FD_BY_ID, &attributes);

		if (fd < 0)
			continue;
		memset(&attributes, 0, sizeof(attributes));
		attributes.info.bpf_fd = fd;
		attributes.info.info_len = sizeof(map);
		attributes.info.info = (unsigned long)&map;
		if (bpf(BPF_OBJ_GET_INFO_BY_FD, &attributes) ||
		    (map.type != BPF_MAP_TYPE_HASH && map.type != BPF_MAP_TYPE_LRU_HASH)) {
			close(fd);
			continue;
		}
		keys = calloc(AT_ONCE, map.key_size);
		values = calloc(AT_ONCE, map.value_size);
		for (int more = 1, first = 1; more; first = 0) {
			memset(&attributes, 0, sizeof(attributes));
			attributes.batch.map_fd = fd;
			attributes.batch.in_batch = first ? 0 : (unsigned long)position;
			attributes.batch.out_batch = (unsigned long)position;
			attributes.batch.keys = (unsigned long)keys;
			attributes.batch.values = (unsigned long)values;
			attributes.batch.count = AT_ONCE;
			more = bpf(BPF_MAP_LOOKUP_BATCH, &attributes) == 0;
			if (more || errno == ENOENT)
				entries += attributes.batch.count;
		}
		printf("%s %lu %u\n", map.name, entries, map.max_entries);
		free(keys);
		free(values);
		close(fd);
	}
	return 0;
}
