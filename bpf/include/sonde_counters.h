/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What the kernel side counts, per CPU; the names go into TypeScript by scripts/layout.ts. */
#pragma once

enum sonde_counter {
	SONDE_COUNT_DELIVERED,       /* events put into the ring */
	SONDE_COUNT_DELIVERED_BYTES, /* payload bytes put into the ring */
	SONDE_COUNT_RING_FULL,       /* events lost because the ring was full */
	SONDE_COUNT_UNREADABLE,      /* payloads that could not be read from user memory */
	SONDE_COUNT_OFFERED,         /* payloads of unknown protocol given to user space, among those delivered */
	SONDE_COUNT_OFFERS_REFUSED,  /* payloads not offered because the second's budget was used up */
	SONDE_COUNT_FILTERED,        /* system calls on sockets left alone or waiting for a verdict */
	SONDE_COUNT_EXCLUDED,        /* system calls of excluded processes and ports */
	SONDE_COUNT_SOCKETS_FULL,    /* sockets for which there was no room in the table */
	SONDE_COUNT_TLS_CALLS,       /* calls of TLS libraries that moved plaintext */
	SONDE_COUNT_TLS_UNJOINED,    /* of these, those of which the socket was not known */
	SONDE_COUNT_TLS_FULL,        /* of these, those for which there was no room */
	SONDE_COUNT_FILE_WAITS,      /* calls on files that had to wait */
	SONDE_COUNT_FILE_EVENTS,     /* of these, those told of one by one */
	SONDE_COUNT_FILE_REFUSED,    /* ... those not told of because the second's budget was used up */
	SONDE_COUNT_FILE_SUMS_FULL,  /* ... those for whose sum there was no room */
	SONDE_COUNT_OVER_BUDGET,     /* events not made because their process had made its share of the moment */
	SONDE_COUNT_WAKES,           /* wake-ups within watched processes, told of */
	SONDE_COUNT_WAKES_REFUSED,   /* ... not told of because the process had made its share of the moment */
	SONDE_COUNT_DATAGRAM_SUMS_FULL, /* datagrams for whose sum there was no room */
	SONDE_COUNT_DATAGRAMS_UNSEEN,   /* ... that one call moved beyond those that are looked at */
	SONDE_COUNT_MAX,
};
