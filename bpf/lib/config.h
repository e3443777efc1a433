/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What the loader may set before the programs are loaded. */
#pragma once

#include "../include/sonde_event.h"

/* Payload bytes delivered per system call; at most SONDE_PAYLOAD_MAX. */
const volatile __u32 sonde_payload_cap = 1024;

/* Calls in a row without a known protocol after which a socket is given up. */
const volatile __u32 sonde_max_misses = 4;
