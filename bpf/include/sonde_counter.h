/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What the kernel programs count, per CPU. The one list: TypeScript's copy is generated from it. */
#pragma once

enum sonde_counter {
	/* Socket data delivered: records, and payload bytes in them. */
	SONDE_COUNTER_EVENTS,
	SONDE_COUNTER_BYTES,
	/* System calls that moved bytes over a TCP socket, and the bytes, whether delivered or not; excluded ones not. */
	SONDE_COUNTER_SOCKET_CALLS,
	SONDE_COUNTER_SOCKET_BYTES,
	/* Records given up because the ring was full. */
	SONDE_COUNTER_DATA_DROPS,
	SONDE_COUNTER_CLOSE_DROPS,
	SONDE_COUNTER_PROCESS_DROPS,
	/* Payload that could not be read from the program's memory; the record goes out shorter. */
	SONDE_COUNTER_READ_FAULTS,
	/* Calls whose first bytes begin no known protocol, on sockets still under trial. */
	SONDE_COUNTER_MISSES,
	/* Sockets given up after too many misses, and later calls on them. */
	SONDE_COUNTER_FILTERED_SOCKETS,
	SONDE_COUNTER_FILTERED_CALLS,
	SONDE_COUNTER_EXCLUDED_PROCESS_CALLS,
	SONDE_COUNTER_EXCLUDED_PORT_CALLS,
	/* State of a socket or of a system call in flight that found no room. */
	SONDE_COUNTER_STATE_DROPS,
	SONDE_COUNTER_CLOSES,
	SONDE_COUNTER_PROCESSES,
	SONDE_COUNTER_COUNT,
};
