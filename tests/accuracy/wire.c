// SPDX-License-Identifier: Apache-2.0
/*
 * Events of invented connections, written as a recording; and how Dify spells a text on each leg.
 */
#include "capture/recording.h"
#include "wire.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define TICK_NS 50000000ull
#define CUT_KEEPS 3 /* a cut copy keeps less than 1/3 */

/* The same numbers everywhere: "Numerical Recipes", chapter 7.1. */
uint32_t wire_dice(struct wire *w, uint32_t below)
{
	w->seed = w->seed * 1664525 + 1013904223;
	return (uint32_t)(((uint64_t)(w->seed >> 8) * below) >> 24);
}

static void put(struct wire *w, const struct dfl_event *ev)
{
	int r;

	if (w->take) {
		w->take(w->ud, ev);
		return;
	}
	r = dfl_recording_write(w->rec, ev);
	if (r) {
		fprintf(stderr, "cannot write the recording: %s\n", strerror(-r));
		exit(2);
	}
}

void wire_next_file(struct wire *w, const char *path)
{
	struct dfl_err err;

	if (dfl_recording_create(path, &w->rec, &err)) {
		fprintf(stderr, "%s\n", err.msg);
		exit(2);
	}
}

void wire_begin(struct wire *w)
{
	struct dfl_event node = { .type = DFL_EV_NODE,
				  .node = { "synth", "synth", "boot", 1700000000000000000ll } };

	node.ts_ns = w->now_ns = w->tick_ns = 1000000000;
	put(w, &node);
}

void wire_open(struct wire *w, const char *path)
{
	wire_next_file(w, path);
	wire_begin(w);
}

void wire_proc(struct wire *w, uint32_t pid, const char *exe, const char *cmdline)
{
	const char *base = strrchr(exe, '/') + 1;
	struct dfl_event ev = {
		.type = DFL_EV_PROC,
		.ts_ns = w->now_ns,
		.proc = { .pid = pid,
			  .ppid = 1,
			  .start_ns = 1,
			  .comm = base,
			  .exe = exe,
			  .cmdline = cmdline,
			  .cgroup = "/pod",
			  .container_id = "",
			  .container_name = "",
			  .image = "",
			  .pod = "",
			  .namespace_ = "",
			  .task = "",
			  .netns = 1 },
	};

	put(w, &ev);
}

void wire_conn(struct wire *w, struct conn *c, uint32_t pid, bool accepted, int net, int host,
	       uint16_t port, bool tls)
{
	const uint8_t local[4] = { 10, 0, 10, (uint8_t)(pid / 100 + 10) };
	const uint8_t remote[4] = { tls ? 203 : 10, 0, (uint8_t)net, (uint8_t)host };
	uint64_t id = ++w->next_chan;
	uint16_t ephemeral = (uint16_t)(20000 + id % 40000);
	uint32_t first[2] = { wire_dice(w, 1 << 24), wire_dice(w, 1 << 24) }; /* ends are paired by
										 them */
	struct dfl_event ev = {
		.type = DFL_EV_CHAN,
		.ts_ns = w->now_ns,
		.chan = { .chan = id,
			  .medium = DFL_TCP,
			  .netns = pid,
			  .inode = id,
			  .path = "",
			  .role = accepted ? DFL_ROLE_ACCEPTED : DFL_ROLE_CONNECTED,
			  .seq0_known = true,
			  .seq0_out = first[1],
			  .seq0_in = first[0] },
	};

	dfl_addr_set(&ev.chan.local, AF_INET, local, accepted ? port : ephemeral);
	dfl_addr_set(&ev.chan.remote, AF_INET, remote, accepted ? ephemeral : port);
	*c = (struct conn){ .chan = id, .pid = pid, .seq = { first[0], first[1] }, .tls = tls };
	put(w, &ev);
}

void wire_file(struct wire *w, struct conn *c, uint32_t pid, const char *path)
{
	uint64_t id = ++w->next_chan;
	struct dfl_event ev = {
		.type = DFL_EV_CHAN,
		.ts_ns = w->now_ns,
		.chan = { .chan = id, .medium = DFL_FILE, .inode = id, .path = path },
	};

	*c = (struct conn){ .chan = id, .pid = pid };
	put(w, &ev);
}

/* Ring buffers tell of a loss a little later, by time alone. */
static void tell_loss(struct wire *w)
{
	struct dfl_event ev = {
		.type = DFL_EV_LOSS,
		.ts_ns = w->now_ns,
		.loss = { .reason = DFL_LOSS_RING_FULL,
			  .events = w->unseen,
			  .bytes = w->unseen_bytes,
			  .since_ns = w->unseen_ns },
	};

	put(w, &ev);
	w->unseen = 0;
	w->unseen_bytes = 0;
}

static void pass_time(struct wire *w)
{
	struct dfl_event tick = { .type = DFL_EV_TICK };

	w->now_ns += w->pace_ns ? w->pace_ns : 20000 + wire_dice(w, 80000);
	if (w->unseen && !wire_dice(w, 20))
		tell_loss(w);
	if (w->now_ns < w->tick_ns + TICK_NS)
		return;
	tick.ts_ns = w->tick_ns = w->now_ns;
	put(w, &tick);
}

static void covered(struct wire *w, struct conn *c, bool out, uint32_t len)
{
	struct dfl_event ev = {
		.type = DFL_EV_DATA,
		.ts_ns = w->now_ns,
		.data = { .chan = c->chan,
			  .call = w->next_call,
			  .pos = c->seq[out],
			  .pid = c->pid,
			  .tid = c->pid,
			  .fd = 9,
			  .out = out,
			  .flags = DFL_DATA_POS | DFL_DATA_COVERED | DFL_DATA_FIRST | DFL_DATA_LAST,
			  .len = len },
	};

	c->seq[out] += len;
	put(w, &ev);
}

uint64_t wire_send(struct wire *w, struct conn *c, bool out, const void *data, size_t len,
		   bool may_be_lost)
{
	struct dfl_event ev = { .type = DFL_EV_DATA };
	struct dfl_ev_data *d = &ev.data;

	pass_time(w);
	w->next_call++;
	if (c->tls)
		covered(w, c, out, (uint32_t)len + 22); /* RFC 8446 5.2: 5 of the record, 1 of the
							   type, 16 of the tag */
	ev.ts_ns = w->now_ns;
	*d = (struct dfl_ev_data){ .chan = c->chan,
				   .call = w->next_call,
				   .pid = c->pid,
				   .tid = c->pid,
				   .fd = 9,
				   .out = out,
				   .flags = DFL_DATA_POS | DFL_DATA_FIRST | DFL_DATA_LAST,
				   .len = (uint32_t)len,
				   .copied = (uint32_t)len,
				   .data = data };
	d->layer = c->tls ? DFL_TLS : DFL_WIRE;
	d->ssl = c->tls ? c->chan : 0;
	d->pos = c->tls ? c->tls_pos[out] : c->seq[out];
	if (c->tls)
		c->tls_pos[out] += len;
	else
		c->seq[out] += (uint32_t)len;
	if (may_be_lost && wire_dice(w, 1000) < w->drop) {
		if (!w->unseen++)
			w->unseen_ns = w->now_ns;
		w->unseen_bytes += len;
		w->dropped++;
		return w->now_ns;
	}
	if (may_be_lost && wire_dice(w, 1000) < w->cut) {
		d->copied = wire_dice(w, (uint32_t)len / CUT_KEEPS + 1);
		w->cuts++;
	}
	put(w, &ev);
	return w->now_ns;
}

void wire_close(struct wire *w, struct conn *c)
{
	struct dfl_event ev = { .type = DFL_EV_CHAN_CLOSE,
				.ts_ns = w->now_ns,
				.closed_chan = c->chan };

	put(w, &ev);
}

void wire_finish(struct wire *w, unsigned seconds)
{
	struct dfl_event tick = { .type = DFL_EV_TICK };

	if (w->unseen)
		tell_loss(w);
	for (unsigned i = 0; i < 4 * seconds; i++) {
		tick.ts_ns = w->now_ns += 250000000;
		put(w, &tick);
	}
	wire_close_file(w);
}

void wire_close_file(struct wire *w)
{
	int r = dfl_recording_close(w->rec);

	if (r) {
		fprintf(stderr, "cannot write the recording: %s\n", strerror(-r));
		exit(2);
	}
}

static uint32_t code_point(const uint8_t **p)
{
	const uint8_t *s = *p;
	int n = *s < 0x80 ? 0 : *s < 0xe0 ? 1 : *s < 0xf0 ? 2 : 3;
	uint32_t c = n ? *s & (0x3f >> n) : *s;

	for (int i = 1; i <= n; i++)
		c = c << 6 | (s[i] & 0x3f);
	*p = s + n + 1;
	return c;
}

static void put_escaped(FILE *f, uint32_t c)
{
	if (c >= 0x10000)
		fprintf(f, "\\u%04x\\u%04x", 0xd800 + ((c - 0x10000) >> 10),
			0xdc00 + ((c - 0x10000) & 0x3ff));
	else
		fprintf(f, "\\u%04x", c);
}

void put_json(FILE *f, const char *text, bool ascii)
{
	const uint8_t *p = (const uint8_t *)text;

	while (*p) {
		const uint8_t *from = p;
		uint32_t c = code_point(&p);

		if (c == '"' || c == '\\')
			fprintf(f, "\\%c", c);
		else if (c == '\n')
			fputs("\\n", f);
		else if (c < ' ' || (ascii && c >= 0x7f))
			put_escaped(f, c);
		else
			fwrite(from, 1, (size_t)(p - from), f);
	}
}

void put_sql(FILE *f, const char *text)
{
	for (; *text; text++) {
		if (*text == '\'')
			fputc('\'', f);
		fputc(*text, f);
	}
}

void put_base64(FILE *f, const void *data, size_t len)
{
	static const char
		digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const uint8_t *p = data;

	for (size_t i = 0; i < len; i += 3) {
		size_t n = len - i < 3 ? len - i : 3;
		uint32_t v = (uint32_t)p[i] << 16 | (n > 1 ? (uint32_t)p[i + 1] << 8 : 0) |
			     (n > 2 ? p[i + 2] : 0);

		for (size_t k = 0; k < 4; k++)
			fputc(k <= n ? digits[v >> (18 - 6 * k) & 63] : '=', f);
	}
}

void put_resp(FILE *f, const void *data, size_t len)
{
	fprintf(f, "$%zu\r\n", len);
	fwrite(data, 1, len, f);
	fputs("\r\n", f);
}
