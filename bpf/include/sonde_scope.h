/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* How much is taken of a process or of a port, as user space says it. Laid out in layout.gen.ts like events. */
#pragma once

enum sonde_scope {
	SONDE_SCOPE_ALL = 0,
	SONDE_SCOPE_NONE = 1,    /* left alone: not even counted */
	SONDE_SCOPE_COUNTED = 2, /* its connections are counted, its bytes are not looked at */
};

struct sonde_limits {
	__u32 epoch;      /* counts changes of what was said of ports: each socket looks again */
	__u8 other_ports; /* sonde_scope of ports of which nothing was said */
	__u8 pad[3];
};
