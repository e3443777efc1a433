// The flow table of the agent in plain C, the yardstick of bench/flowTable.ts: the same packets, the same counters, states, delays,
// rows and metrics. Usage: flowTable FILE.pcap ROUNDS; prints one line of sums and the CPU time of the fastest round.

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

enum { MAX_FLOWS = 65536, FLOW_BUCKETS = 131072, MAX_GROUPS = 16384, GROUP_BUCKETS = 32768, RECENT = 4096, GAPS = 8 };
enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16, FOLLOWED = 31 };
enum {
	PACKET_TX, PACKET_RX, BYTE_TX, BYTE_RX, L3_TX, L3_RX, L4_TX, L4_RX, RETRANS_TX, RETRANS_RX, ZERO_TX, ZERO_RX, OOO_TX, OOO_RX,
	SYN_N, SYNACK_N, FIN_N, RETRANS_SYN, RETRANS_SYNACK,
	RTT, RTT_CLIENT = RTT + 2, RTT_SERVER = RTT_CLIENT + 2, SRT = RTT_SERVER + 2, ART = SRT + 2, SRT_CLIENT = ART + 2,
	ART_CLIENT = SRT_CLIENT + 2, CIT = ART_CLIENT + 2, SUMS = CIT + 2, METERS = SUMS + 8
};
enum { CLOSED_RST, CLOSED_FIN, CLOSING_RST, BRIEF, DATAGRAMS, ESTABLISHED, LISTS };
static const int64_t idle_us[LISTS] = {1000000, 2000000, 35000000, 5000000, 60000000, 300000000};
enum { S_RAW, S_OPEN1, S_OPEN2, S_ACKED, S_ESTABLISHED, S_LACK, S_REUSE, S_CFIN, S_SFIN, S_BOTH, S_CLOSED, S_SRESET, S_CEST, S_SEST, S_CRST,
       S_SRST, S_FCRST, S_ODD, STATES };

struct half {
	uint64_t packets;
	uint32_t isn, sent_end, gaps[GAPS][2];
	int64_t push_us, last_us;
	uint32_t last_length;
	uint8_t flags, has_isn, has_sent, gap_count, awaits_ack, awaits_answer;
	/* How far the stream was read, as by the reassembler of a flow whose bytes nobody wants. */
	uint32_t next, acked, fin_seq;
	uint8_t anchored, has_acked, has_fin, finished, strays;
};

struct group;
struct flow {
	uint32_t key[10];
	uint32_t hash;
	int64_t start_us, last_us, part_us, listed_us, syn_us, synack_us;
	double second[METERS], part[METERS];
	struct half half[2];
	struct group *group;
	int32_t before, after, bucket_hint;
	uint8_t closed, protocol, state, list, server_low, established, fresh, active, has_part, has_row, counted, score;
};

struct group {
	uint32_t key[10];
	double second[METERS], minute[METERS];
	uint32_t new_flows, closed_flows, open, minute_new, minute_closed;
	uint8_t touched, touched_minute;
};

struct packet {
	const uint8_t *source, *target, *payload;
	int64_t time_us;
	uint32_t wire, seq, ack, payload_bytes, l3_bytes;
	uint16_t source_port, target_port, window, identification;
	uint8_t version, protocol, flags;
};

static struct flow *flows;
static int32_t *buckets, *free_slots, *active;
static uint32_t size, active_count;
static int32_t list_after[LISTS], list_before[LISTS];
static struct group *groups;
static int32_t *group_buckets, *touched_groups, *touched_minutes;
static uint32_t group_count, touched_count, touched_minute_count;
static uint32_t recent_marks[RECENT];
static int64_t recent_us[RECENT];
static uint8_t next_state[2][STATES][64];
static double *row_columns[METERS + 12], *metric_columns[METERS + 6];
static uint8_t row_addresses[2048 * 32], metric_addresses[2048 * 32];
static uint32_t row_at, metric_at;
static double totals[METERS], metric_totals[METERS];
static uint64_t rows, metric_rows, duplicates, opened;
static int64_t now_us, expired_us, second_now;
static uint32_t source_high;

static uint32_t be32(const uint8_t *at) { uint32_t v; memcpy(&v, at, 4); return __builtin_bswap32(v); }
static uint16_t be16(const uint8_t *at) { return (uint16_t)(at[0] << 8 | at[1]); }
static uint32_t mix(uint32_t hash, uint32_t word) { hash = (hash ^ word) * 0x9e3779b1u; return hash ^ hash >> 15; }
static void delay(double *m, int at, int64_t us, int64_t most) {
	if (us < 0 || us > most) return;
	m[at] += us; m[at + 1]++;
	int longest = SUMS + (at - RTT) / 2;
	if (us > m[longest]) m[longest] = us;
}
static void add(double *to, const double *from) {
	for (int i = 0; i < SUMS; i++) to[i] += from[i];
	for (int i = SUMS; i < METERS; i++) if (from[i] > to[i]) to[i] = from[i];
}

static void states(void) {
	for (int d = 0; d < 2; d++) for (int s = 0; s < STATES; s++) for (int f = 0; f < 64; f++) {
		int rst = f & RST, syn = f & SYN, fin = f & FIN, ack = f & ACK, n = s;
		int odd = rst ? f & (SYN | FIN) : syn ? fin : !fin && !ack;
		int opening = s == S_RAW || s == S_ODD;
		if (odd) n = s == S_RAW ? S_ODD : s;
		else if (rst) {
			if (s == S_CFIN || s == S_SFIN) n = d == 0 ? S_FCRST : S_SRST;
			else if (opening || s == S_ACKED || s == S_ESTABLISHED) n = d == 0 ? S_CRST : S_SRST;
			else if (s == S_OPEN1) n = d == 0 ? S_CEST : S_SRESET;
			else if (s == S_OPEN2) n = d == 0 ? S_CEST : S_SEST;
			else if (s == S_REUSE && d == 1) n = S_SRESET;
		} else if (syn) {
			if (d == 0) { if (s == S_RAW || (s == S_ODD && !ack)) n = S_OPEN1; }
			else if (s == S_RAW || (ack && (s == S_ODD || s == S_OPEN1 || s == S_REUSE))) n = S_OPEN2;
			else if (ack && s == S_ACKED) n = S_LACK;
		} else if (fin) {
			if (s == (d == 0 ? S_SFIN : S_CFIN)) n = S_BOTH;
			else if (s <= S_REUSE || s == S_ODD) n = d == 0 ? S_CFIN : S_SFIN;
		} else {
			if (opening || s == S_OPEN1) n = S_ESTABLISHED;
			else if (s == S_OPEN2) n = d == 0 ? S_ACKED : S_ESTABLISHED;
			else if (s == S_REUSE && d == 0) n = S_ESTABLISHED;
			else if ((s == S_ACKED || s == S_LACK) && d == 1) n = S_ESTABLISHED;
			else if (s == S_BOTH) n = S_CLOSED;
		}
		next_state[d][s][f] = n;
	}
}

static int list_of(uint8_t state) {
	switch (state) {
	case S_ACKED: case S_ESTABLISHED: return ESTABLISHED;
	case S_BOTH: case S_CLOSED: return CLOSED_FIN;
	case S_CRST: case S_SRST: case S_FCRST: return CLOSING_RST;
	case S_SRESET: case S_CEST: case S_SEST: return CLOSED_RST;
	default: return BRIEF;
	}
}

/* Links: slots below MAX_FLOWS, the marks of the lists behind them. */
static int32_t *after_of(int32_t at) { return at < MAX_FLOWS ? &flows[at].after : &list_after[at - MAX_FLOWS]; }
static int32_t *before_of(int32_t at) { return at < MAX_FLOWS ? &flows[at].before : &list_before[at - MAX_FLOWS]; }
static void unlink_flow(struct flow *f) {
	if (f->list == 255) return;
	*after_of(f->before) = f->after; *before_of(f->after) = f->before;
	f->list = 255;
}
static void touch(int32_t slot, int list) {
	struct flow *f = &flows[slot];
	if (f->list == list && now_us - f->listed_us < 250000) return;
	unlink_flow(f);
	int32_t mark = MAX_FLOWS + list, newest = *after_of(mark);
	*after_of(mark) = slot; f->before = mark; f->after = newest; *before_of(newest) = slot;
	f->list = list; f->listed_us = now_us;
}

static struct group *group_of(struct flow *f) {
	if (f->group != NULL) return f->group;
	/* Both addresses in order of client and server, the server's port, the protocol. */
	uint32_t key[10] = {0};
	int words = (f->key[1] >> 8) == 4 ? 1 : 4;
	key[0] = f->server_low ? f->key[0] & 0xffff : f->key[0] >> 16;
	key[1] = f->key[1];
	for (int i = 0; i < words; i++) {
		key[2 + 2 * i] = f->key[f->server_low ? 3 + 2 * i : 2 + 2 * i];
		key[3 + 2 * i] = f->key[f->server_low ? 2 + 2 * i : 3 + 2 * i];
	}
	uint32_t hash = 0;
	for (int i = 0; i < 2 + 2 * words; i++) hash = mix(hash, key[i]);
	uint32_t at = hash & (GROUP_BUCKETS - 1);
	for (; group_buckets[at] != 0; at = (at + 1) & (GROUP_BUCKETS - 1))
		if (memcmp(groups[group_buckets[at] - 1].key, key, sizeof key) == 0) break;
	if (group_buckets[at] == 0) {
		if (group_count == MAX_GROUPS) { fprintf(stderr, "too many groups\n"); exit(1); }
		memcpy(groups[group_count].key, key, sizeof key);
		group_buckets[at] = ++group_count;
	}
	f->group = &groups[group_buckets[at] - 1];
	f->group->open++;
	return f->group;
}

static struct group *count_second(struct flow *f) {
	struct group *g = group_of(f);
	if (!g->touched) { g->touched = 1; touched_groups[touched_count++] = (int32_t)(g - groups); }
	add(g->second, f->second);
	if (!f->counted) { f->counted = 1; g->new_flows++; }
	return g;
}

static void write_row(struct flow *f, const double *meter, int64_t start, int64_t end, int close_type) {
	if (row_at == 2048) row_at = 0;
	uint32_t row = row_at++;
	for (int i = 0; i < METERS; i++) row_columns[i][row] = meter[i];
	double more[12] = {start, end, end - f->start_us, close_type, f->key[0] >> 16, f->key[0] & 0xffff, f->protocol, f->state,
			   f->half[0].flags, f->half[1].flags, f->half[0].isn, f->half[1].isn};
	for (int i = 0; i < 12; i++) row_columns[METERS + i][row] = more[i];
	memcpy(row_addresses + row * 32, f->key + 2, 32);
	add(totals, meter);
	rows++;
}

static void write_metric(struct group *g, const double *meter, int64_t time, int interval, uint32_t new_flows, uint32_t closed) {
	if (metric_at == 2048) metric_at = 0;
	uint32_t row = metric_at++;
	for (int i = 0; i < METERS; i++) metric_columns[i][row] = meter[i];
	double more[6] = {time, interval, new_flows, closed, g->open, g->key[0]};
	for (int i = 0; i < 6; i++) metric_columns[METERS + i][row] = more[i];
	memcpy(metric_addresses + row * 32, g->key + 2, 32);
	if (interval == 1) add(metric_totals, meter);
	metric_rows++;
}

static void end_second(int64_t second) {
	for (uint32_t i = 0; i < active_count; i++) {
		struct flow *f = &flows[active[i]];
		if (!f->active) continue;
		f->active = 0;
		count_second(f);
		add(f->part, f->second);
		f->has_part = 1;
		memset(f->second, 0, sizeof f->second);
	}
	active_count = 0;
	for (uint32_t i = 0; i < touched_count; i++) {
		struct group *g = &groups[touched_groups[i]];
		write_metric(g, g->second, second_now, 1, g->new_flows, g->closed_flows);
		if (!g->touched_minute) { g->touched_minute = 1; touched_minutes[touched_minute_count++] = touched_groups[i]; }
		add(g->minute, g->second);
		g->minute_new += g->new_flows; g->minute_closed += g->closed_flows;
		memset(g->second, 0, sizeof g->second);
		g->new_flows = g->closed_flows = 0;
		g->touched = 0;
	}
	touched_count = 0;
	if (second_now / 60 != second / 60) {
		for (uint32_t i = 0; i < MAX_FLOWS; i++) {
			struct flow *f = &flows[i];
			if (!f->has_part) continue;
			write_row(f, f->part, f->part_us, f->last_us, 5);
			memset(f->part, 0, sizeof f->part);
			f->has_part = 0; f->part_us = f->last_us;
		}
		for (uint32_t i = 0; i < touched_minute_count; i++) {
			struct group *g = &groups[touched_minutes[i]];
			write_metric(g, g->minute, second_now / 60 * 60, 60, g->minute_new, g->minute_closed);
			memset(g->minute, 0, sizeof g->minute);
			g->minute_new = g->minute_closed = 0; g->touched_minute = 0;
		}
		touched_minute_count = 0;
	}
	second_now = second;
}

static void end_flow(struct flow *f) {
	struct group *g = count_second(f);
	g->closed_flows++; g->open--;
	add(f->second, f->part);
	write_row(f, f->second, f->part_us, f->last_us, f->state);
	unlink_flow(f);
	int32_t slot = (int32_t)(f - flows);
	uint32_t hole = f->hash & (FLOW_BUCKETS - 1);
	while (buckets[hole] != slot + 1) hole = (hole + 1) & (FLOW_BUCKETS - 1);
	buckets[hole] = 0;
	for (uint32_t at = (hole + 1) & (FLOW_BUCKETS - 1); buckets[at] != 0; at = (at + 1) & (FLOW_BUCKETS - 1)) {
		uint32_t home = flows[buckets[at] - 1].hash & (FLOW_BUCKETS - 1);
		if (((at - home) & (FLOW_BUCKETS - 1)) < ((at - hole) & (FLOW_BUCKETS - 1))) continue;
		buckets[hole] = buckets[at]; buckets[at] = 0; hole = at;
	}
	f->active = 0; f->has_part = 0;
	free_slots[MAX_FLOWS - size--] = slot;
}

static void expire(void) {
	expired_us = now_us;
	for (int list = 0; list < LISTS; list++)
		for (int32_t slot = list_before[list]; slot < MAX_FLOWS; slot = list_before[list]) {
			if (now_us - flows[slot].last_us < idle_us[list]) break;
			end_flow(&flows[slot]);
		}
}

static int client_first(const struct packet *p, int *score) {
	*score = 255;
	if (p->protocol == 6 && p->flags & SYN) return !(p->flags & ACK);
	int source = p->source_port < 1024, target = p->target_port < 1024;
	*score = 200;
	if (source != target) return target;
	*score = (p->source_port >= 32768) != (p->target_port >= 32768) ? 150 : 100;
	return p->target_port <= p->source_port;
}

static struct flow *find(const struct packet *p) {
	uint32_t key[10] = {0};
	int words = p->version == 4 ? 1 : 4, high = p->source_port > p->target_port;
	int64_t order = (int64_t)p->source_port - p->target_port;
	for (int i = 0; i < words && order == 0; i++) {
		order = (int64_t)(int32_t)be32(p->source + 4 * i) - (int32_t)be32(p->target + 4 * i);
		high = order > 0;
	}
	source_high = high;
	const uint8_t *low = high ? p->target : p->source, *upper = high ? p->source : p->target;
	key[0] = high ? (uint32_t)p->source_port << 16 | p->target_port : (uint32_t)p->target_port << 16 | p->source_port;
	key[1] = (uint32_t)p->version << 8 | p->protocol;
	uint32_t hash = mix(mix(0, key[0]), key[1]);
	for (int i = 0; i < words; i++) {
		key[2 + 2 * i] = be32(low + 4 * i);
		key[3 + 2 * i] = be32(upper + 4 * i);
		hash = mix(mix(hash, key[2 + 2 * i]), key[3 + 2 * i]);
	}
	uint32_t at = hash & (FLOW_BUCKETS - 1);
	for (; buckets[at] != 0; at = (at + 1) & (FLOW_BUCKETS - 1))
		if (memcmp(flows[buckets[at] - 1].key, key, (2 + 2 * words) * 4) == 0) return &flows[buckets[at] - 1];
	if (size == MAX_FLOWS) { fprintf(stderr, "too many flows\n"); exit(1); }
	int32_t slot = free_slots[MAX_FLOWS - 1 - size++];
	buckets[at] = slot + 1;
	struct flow *f = &flows[slot];
	memset(f, 0, sizeof *f);
	memcpy(f->key, key, sizeof key);
	int score, is_client = client_first(p, &score);
	f->hash = hash; f->protocol = p->protocol; f->list = 255; f->score = score;
	f->server_low = high == is_client;
	f->start_us = f->last_us = f->part_us = p->time_us;
	f->syn_us = f->synack_us = -1;
	f->half[0].last_us = f->half[1].last_us = -1;
	opened++;
	return f;
}

static int is_copy(const struct packet *p, uint32_t flow) {
	int telling = p->protocol == 6 && (p->payload_bytes > 0 || p->flags & (SYN | FIN | RST));
	if (p->identification == 0 && !telling) return 0;
	uint32_t mark = mix(mix(mix(mix(mix(flow, p->seq), p->ack), (uint32_t)p->identification << 16 | p->window), p->flags), p->payload_bytes);
	uint32_t at = (mark ^ mark >> 16) & (RECENT - 1);
	int copy = recent_marks[at] == mark && llabs(p->time_us - recent_us[at]) < 1000;
	recent_marks[at] = mark; recent_us[at] = p->time_us;
	return copy;
}

static void note_gap(struct half *h, uint32_t from, uint32_t to) {
	if (h->gap_count == GAPS) { memmove(h->gaps, h->gaps + 1, sizeof h->gaps[0] * (GAPS - 1)); h->gap_count--; }
	h->gaps[h->gap_count][0] = from; h->gaps[h->gap_count++][1] = to;
}
static int fill_gap(struct half *h, uint32_t seq, uint32_t end) {
	for (int i = 0; i < h->gap_count; i++) {
		uint32_t from = h->gaps[i][0], to = h->gaps[i][1];
		if ((int32_t)(end - from) <= 0 || (int32_t)(to - seq) <= 0) continue;
		if ((int32_t)(seq - from) > 0) { h->gaps[i][1] = seq; if ((int32_t)(to - end) > 0) note_gap(h, end, to); }
		else if ((int32_t)(to - end) > 0) h->gaps[i][0] = end;
		else { memmove(h->gaps + i, h->gaps + i + 1, sizeof h->gaps[0] * (h->gap_count - i - 1)); h->gap_count--; }
		return 1;
	}
	return 0;
}
enum { NEXT, AHEAD, AGAIN, FILLING, KEEP_ALIVE, STRAY };
static int place(struct half *h, uint32_t seq, uint32_t length, int probe) {
	if (!h->has_sent) { h->has_sent = 1; h->sent_end = seq + length; return NEXT; }
	int32_t ahead = (int32_t)(seq - h->sent_end);
	if (ahead > 67108864 || ahead < -67108864) return STRAY;
	uint32_t end = seq + length;
	if (ahead >= 0) {
		if (ahead > 0 && length > 0) note_gap(h, h->sent_end, seq);
		if (length > 0) h->sent_end = end;
		return ahead == 0 ? NEXT : AHEAD;
	}
	if (probe && ahead == -1 && length <= 1) return KEEP_ALIVE;
	if (length == 0) return NEXT;
	if ((int32_t)(end - h->sent_end) > 0) h->sent_end = end;
	return fill_gap(h, seq, end) ? FILLING : AGAIN;
}

static void measure(struct flow *f, int d, const struct packet *p) {
	struct half *h = &f->half[d], *peer = &f->half[!d];
	double *m = f->second;
	int flags = p->flags & FOLLOWED, at = NEXT;
	uint32_t length = p->payload_bytes;
	if (p->window == 0) m[ZERO_TX + d]++;
	if (flags & FIN) m[FIN_N]++;
	if (flags & SYN) {
		m[d == 0 ? SYN_N : SYNACK_N]++;
		if (h->has_isn) { m[d == 0 ? RETRANS_SYN : RETRANS_SYNACK]++; m[RETRANS_TX + d]++; }
		else place(h, p->seq + 1, length, 0);
	} else {
		at = place(h, p->seq, length, !(flags & FIN));
		if (at == AGAIN) m[RETRANS_TX + d]++;
		else if (at == FILLING) m[OOO_TX + d]++;
	}
	int bare = flags == ACK && length == 0, push = flags == (PSH | ACK) && length > 0;
	if (bare && peer->awaits_ack) delay(m, d == 0 ? SRT_CLIENT : SRT, p->time_us - peer->push_us, 10000000);
	else if (length > 0 && peer->awaits_answer && at == NEXT && (push || flags == ACK))
		delay(m, d == 0 ? ART_CLIENT : ART, p->time_us - peer->push_us, 30000000);
	if (d == 0 && push && length > 1 && at != AGAIN) {
		int64_t since = f->fresh ? (h->last_us > peer->last_us ? h->last_us : peer->last_us) : peer->last_length > 1 ? peer->last_us : -1;
		if (since >= 0) delay(m, CIT, p->time_us - since, INT64_MAX);
		peer->last_length = 0;
	}
	if (length > 1) f->fresh = 0;
	peer->awaits_ack = 0; peer->awaits_answer = peer->awaits_answer && bare;
	h->awaits_ack = h->awaits_answer = push;
	if (push) h->push_us = p->time_us;
	h->last_us = p->time_us; h->last_length = length;
	if (flags & SYN) { h->has_isn = 1; h->isn = p->seq; }
}

static int near(const struct half *h, uint32_t seq) {
	int32_t offset = (int32_t)(seq - h->next);
	return !h->anchored || (offset <= 67108864 && offset >= -67108864);
}
static void anchor(struct half *h, uint32_t seq) {
	h->anchored = 1; h->next = seq;
	if (!near(h, h->acked)) h->has_acked = 0;
}
static void reach_fin(struct half *h) {
	if (!h->has_fin || h->finished || (int32_t)(h->fin_seq - h->next) > 0) return;
	h->finished = 1; h->next = h->fin_seq + 1;
}
static void skip_to(struct half *h, uint32_t seq) { if ((int32_t)(seq - h->next) > 0) h->next = seq; }
static void follow_stream(struct flow *f, int d, const struct packet *p) {
	struct half *h = &f->half[d], *peer = &f->half[!d];
	uint32_t seq = p->seq, length = p->payload_bytes;
	if (p->flags & SYN && !h->anchored) anchor(h, seq + 1);
	if (p->flags & SYN) seq++;
	if (p->flags & ACK && !(peer->has_acked && (int32_t)(p->ack - peer->acked) < 0) && near(peer, p->ack)) {
		peer->has_acked = 1; peer->acked = p->ack;
		if (peer->anchored && !peer->finished && (int32_t)(p->ack - peer->next) > 0) {
			if (peer->has_fin && (int32_t)(p->ack - peer->fin_seq) > 0) skip_to(peer, peer->fin_seq);
			else if (length > 0) skip_to(peer, p->ack);
			reach_fin(peer);
		}
	}
	if (length > 0) {
		if (!h->anchored) anchor(h, seq);
		if (!near(h, seq)) h->strays++;
		else {
			h->strays = 0;
			if ((int32_t)(seq + length - h->next) > 0) { h->next = seq + length; reach_fin(h); }
		}
	}
	if (p->flags & FIN && !h->has_fin) {
		if (!h->anchored) anchor(h, seq + length);
		if (near(h, seq + length)) { h->has_fin = 1; h->fin_seq = seq + length; skip_to(h, h->fin_seq); reach_fin(h); }
	}
}

static void handshake(struct flow *f, int d, const struct packet *p) {
	struct half *client = &f->half[0], *server = &f->half[1];
	if (p->flags & SYN) {
		if (d == 0 && !(p->flags & ACK)) { if (f->syn_us < 0) f->syn_us = p->time_us; }
		else if (d == 1 && p->flags & ACK && f->syn_us >= 0 && p->ack == client->isn + 1) {
			delay(f->second, RTT_SERVER, p->time_us - f->syn_us, 30000000);
			if (f->synack_us < 0) f->synack_us = p->time_us;
		}
	} else if (d == 0 && p->flags & ACK && !(p->flags & RST) && client->has_isn && server->has_isn && p->seq == client->isn + 1 &&
		   p->ack == server->isn + 1) {
		f->established = f->fresh = 1;
		if (f->synack_us < 0) return;
		delay(f->second, RTT_CLIENT, p->time_us - f->synack_us, 30000000);
		delay(f->second, RTT, p->time_us - f->syn_us, 30000000);
	}
}

static void take(const struct packet *p) {
	struct flow *f = find(p);
	int d = (source_high == f->server_low) ? 0 : 1;
	if (is_copy(p, (uint32_t)(f - flows) * 2 + d)) { duplicates++; return; }
	struct half *h = &f->half[d];
	h->packets++; h->flags |= p->flags;
	f->second[PACKET_TX + d]++; f->second[BYTE_TX + d] += p->wire; f->second[L3_TX + d] += p->l3_bytes; f->second[L4_TX + d] += p->payload_bytes;
	if (p->time_us > f->last_us) f->last_us = p->time_us;
	if (!f->active) { f->active = 1; active[active_count++] = (int32_t)(f - flows); }
	int32_t slot = (int32_t)(f - flows);
	if (p->protocol != 6) {
		struct half *peer = &f->half[!d];
		if (peer->awaits_answer) delay(f->second, d == 0 ? ART_CLIENT : ART, p->time_us - peer->push_us, 30000000);
		peer->awaits_answer = 0; h->awaits_answer = 1; h->push_us = p->time_us;
		touch(slot, DATAGRAMS);
		return;
	}
	int other = f->half[0].has_isn && p->ack != f->half[0].isn + 1;
	int next = next_state[d][f->state][p->flags & 63];
	f->state = other && d == 1 && f->state == S_OPEN1 && next == S_ESTABLISHED ? S_REUSE : next;
	if (!(p->flags & RST)) { measure(f, d, p); follow_stream(f, d, p); }
	if (!f->established) handshake(f, d, p);
	if (!f->closed && (p->flags & RST ? near(h, p->seq) : f->half[0].finished && f->half[1].finished)) f->closed = 1;
	int list = list_of(f->state);
	touch(slot, list == ESTABLISHED && !(f->half[0].packets && f->half[1].packets) ? BRIEF : list);
}

static void parse(const uint8_t *at, uint32_t captured, uint32_t wire, int64_t time_us) {
	struct packet p = {.time_us = time_us, .wire = wire};
	const uint8_t *end = at + captured;
	const uint8_t *type = at + 12;
	for (int i = 0; i < 4 && type + 6 <= end && (be16(type) == 0x8100 || be16(type) == 0x88a8); i++) type += 4;
	if (type + 2 > end) return;
	const uint8_t *ip = type + 2, *l4;
	uint32_t ip_bytes;
	if (be16(type) == 0x0800) {
		if (ip + 20 > end) return;
		uint32_t header = (ip[0] & 15) * 4u;
		ip_bytes = be16(ip + 2);
		if (header < 20 || ip_bytes < header || be16(ip + 6) & 0x1fff) return;
		p.version = 4; p.identification = be16(ip + 4); p.protocol = ip[9]; p.source = ip + 12; p.target = ip + 16;
		l4 = ip + header; ip_bytes -= header;
	} else if (be16(type) == 0x86dd) {
		if (ip + 40 > end) return;
		ip_bytes = be16(ip + 4);
		p.version = 6; p.protocol = ip[6]; p.source = ip + 8; p.target = ip + 24;
		l4 = ip + 40;
	} else return;
	p.l3_bytes = ip_bytes;
	uint32_t header = 8;
	if (p.protocol == 6) {
		if (l4 + 20 > end) return;
		header = (l4[12] >> 4) * 4u;
		p.seq = be32(l4 + 4); p.ack = be32(l4 + 8); p.flags = l4[13]; p.window = be16(l4 + 14);
	} else if (p.protocol != 17 || l4 + 8 > end) return;
	if (header < 8 || ip_bytes < header) return;
	p.source_port = be16(l4); p.target_port = be16(l4 + 2);
	p.payload = l4 + header; p.payload_bytes = ip_bytes - header;
	if (time_us > now_us) now_us = time_us;
	if (now_us / 1000000 > second_now) { if (second_now > 0) end_second(now_us / 1000000); else second_now = now_us / 1000000; }
	take(&p);
	if (now_us - expired_us >= 1000000) expire();
}

static void reset(void) {
	memset(buckets, 0, FLOW_BUCKETS * 4); memset(group_buckets, 0, GROUP_BUCKETS * 4);
	memset(groups, 0, MAX_GROUPS * sizeof *groups);
	for (int i = 0; i < MAX_FLOWS; i++) { free_slots[i] = MAX_FLOWS - 1 - i; flows[i].has_part = flows[i].active = 0; }
	for (int i = 0; i < LISTS; i++) list_after[i] = list_before[i] = MAX_FLOWS + i;
	memset(totals, 0, sizeof totals); memset(metric_totals, 0, sizeof metric_totals);
	memset(recent_marks, 0, sizeof recent_marks);
	size = active_count = group_count = touched_count = touched_minute_count = row_at = metric_at = 0;
	rows = metric_rows = duplicates = opened = 0;
	now_us = expired_us = second_now = 0;
}

int main(int argc, char **argv) {
	if (argc != 3) return 2;
	int fd = open(argv[1], O_RDONLY);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) != 0) { perror(argv[1]); return 1; }
	uint8_t *file = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
	flows = calloc(MAX_FLOWS, sizeof *flows); buckets = calloc(FLOW_BUCKETS, 4); free_slots = calloc(MAX_FLOWS + 1, 4);
	/* A slot may be given away and taken again within a second. */
	active = calloc(MAX_FLOWS * 64, 4);
	groups = calloc(MAX_GROUPS, sizeof *groups); group_buckets = calloc(GROUP_BUCKETS, 4);
	touched_groups = calloc(MAX_GROUPS, 4); touched_minutes = calloc(MAX_GROUPS, 4);
	for (int i = 0; i < METERS + 12; i++) row_columns[i] = calloc(2048, 8);
	for (int i = 0; i < METERS + 6; i++) metric_columns[i] = calloc(2048, 8);
	states();
	int64_t best = INT64_MAX;
	for (int round = 0; round < atoi(argv[2]); round++) {
		reset();
		struct timespec from, to;
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
		for (int64_t at = 24; at + 16 <= st.st_size;) {
			uint32_t head[4];
			memcpy(head, file + at, 16);
			parse(file + at + 16, head[2], head[3], (int64_t)head[0] * 1000000 + head[1]);
			at += 16 + head[2];
		}
		for (int list = 0; list < LISTS; list++)
			while (list_before[list] < MAX_FLOWS) end_flow(&flows[list_before[list]]);
		end_second(second_now + 60);
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
		int64_t ns = (to.tv_sec - from.tv_sec) * 1000000000LL + to.tv_nsec - from.tv_nsec;
		if (ns < best) best = ns;
	}
	printf("{\"cpu_ns\":%lld,\"flows\":%llu,\"duplicates\":%llu", (long long)best, (unsigned long long)opened, (unsigned long long)duplicates);
	const char *names[] = {"packet_tx", "packet_rx", "byte_tx", "byte_rx", "l3_byte_tx", "l3_byte_rx", "l4_byte_tx", "l4_byte_rx", "retrans_tx",
			       "retrans_rx", "zero_win_tx", "zero_win_rx", "ooo_tx", "ooo_rx", "syn_count", "synack_count", "fin_count", "retrans_syn",
			       "retrans_synack"};
	for (int i = 0; i <= RETRANS_SYNACK; i++) printf(",\"%s\":%.0f", names[i], totals[i]);
	printf(",\"srt_sum\":%.0f,\"srt_count\":%.0f,\"art_sum\":%.0f,\"art_count\":%.0f,\"cit_sum\":%.0f,\"cit_count\":%.0f,\"rtt_sum\":%.0f,\"packets_of_metrics\":%.0f}\n",
	       totals[SRT], totals[SRT + 1], totals[ART], totals[ART + 1], totals[CIT], totals[CIT + 1], totals[RTT],
	       metric_totals[PACKET_TX] + metric_totals[PACKET_RX]);
	return 0;
}
