// SPDX-License-Identifier: Apache-2.0
/* Recordings: the events of a source in a file, both ways. docs/formats.md has the format. */
#include "capture/recording.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "base/buf.h"

#define MAGIC "DFREC\r\n\x1a"
#define HEADER_LEN 64
#define NOTICE "HOLDS USERS' TEXT: keep private\n"
#define BLOCK_HEAD_LEN 8
#define FLUSH_BYTES (256u << 10)    /* a block is written when it is this long, */
#define FLUSH_NS 1000000000ull	    /* or at a tick this long after the one before */
#define MAX_BLOCK_BYTES (64u << 20) /* of a block, unpacked; more is taken for damage */
#define ZSTD_LEVEL 1
#define SKIP_TO_FEATURES (sizeof(MAGIC) - 1)

/* ---- the bytes of an event: one description serves both ways ---- */

struct codec {
	struct dfl_buf *out; /* writing; NULL: reading */
	const uint8_t *at, *end;
	bool bad; /* reading: damage */
	bool no_memory;
};

/* Writing: appends bytes. */
static void put(struct codec *c, const void *data, size_t len)
{
	if (dfl_buf_append(c->out, data, len))
		c->no_memory = true;
}

/* Reading: the next bytes, borrowed from the block. NULL: the block is too short. */
static const uint8_t *take(struct codec *c, size_t len)
{
	const uint8_t *at = c->at;

	if (c->bad || (size_t)(c->end - at) < len) {
		c->bad = true;
		return NULL;
	}
	c->at += len;
	return at;
}

/* Little-endian, `size` bytes of the number. */
static uint64_t number(struct codec *c, uint64_t value, unsigned size)
{
	uint8_t bytes[8];
	const uint8_t *p;

	if (c->out) {
		for (unsigned i = 0; i < size; i++)
			bytes[i] = value >> (8 * i);
		put(c, bytes, size);
		return value;
	}
	p = take(c, size);
	value = 0;
	for (unsigned i = 0; p && i < size; i++)
		value |= (uint64_t)p[i] << (8 * i);
	return value;
}

#define NUMBER(c, member) ((member) = number(c, member, sizeof(member)))

/* An enum or bool below `limit`. */
static unsigned below(struct codec *c, unsigned value, unsigned limit)
{
	value = number(c, value, 1);
	if (value >= limit) {
		c->bad = true;
		return 0;
	}
	return value;
}

/* Length with the NUL, then the bytes with it, so that a reader can borrow them. */
static const char *string(struct codec *c, const char *s)
{
	size_t len;
	const uint8_t *p;

	if (c->out) {
		len = s ? strnlen(s, UINT16_MAX - 1) : 0;
		number(c, len + 1, 2);
		put(c, s, len);
		put(c, "", 1);
		return s;
	}
	len = number(c, 0, 2);
	p = len ? take(c, len) : NULL;
	if (!p || p[len - 1]) {
		c->bad = true;
		return "";
	}
	return (const char *)p;
}

/* family, port, 16 bytes of address. */
static void address(struct codec *c, struct dfl_addr *a)
{
	const uint8_t *p;

	NUMBER(c, a->family);
	NUMBER(c, a->port);
	if (c->out) {
		put(c, a->ip, sizeof(a->ip));
		return;
	}
	p = take(c, sizeof(a->ip));
	if (p)
		memcpy(a->ip, p, sizeof(a->ip));
	if (a->family && a->family != 2 && a->family != 10) /* AF_INET, AF_INET6 on Linux */
		c->bad = true;
}

static void code_proc(struct codec *c, struct dfl_ev_proc *p)
{
	NUMBER(c, p->pid);
	NUMBER(c, p->ppid);
	NUMBER(c, p->start_ns);
	NUMBER(c, p->netns);
	p->comm = string(c, p->comm);
	p->exe = string(c, p->exe);
	p->cmdline = string(c, p->cmdline);
	p->cgroup = string(c, p->cgroup);
	p->container_id = string(c, p->container_id);
	p->container_name = string(c, p->container_name);
	p->image = string(c, p->image);
	p->pod = string(c, p->pod);
	p->namespace_ = string(c, p->namespace_);
	p->task = string(c, p->task);
}

static void code_chan(struct codec *c, struct dfl_ev_chan *ch)
{
	NUMBER(c, ch->chan);
	ch->medium = below(c, ch->medium, DFL_N_MEDIUM);
	ch->role = below(c, ch->role, DFL_ROLE_ACCEPTED + 1);
	ch->tap = below(c, ch->tap, 2);
	ch->existed = below(c, ch->existed, 2);
	ch->seq0_known = below(c, ch->seq0_known, 2);
	NUMBER(c, ch->seq0_out);
	NUMBER(c, ch->seq0_in);
	address(c, &ch->local);
	address(c, &ch->remote);
	NUMBER(c, ch->netns);
	NUMBER(c, ch->inode);
	NUMBER(c, ch->peer);
	ch->path = string(c, ch->path);
}

static void code_data(struct codec *c, struct dfl_ev_data *d)
{
	NUMBER(c, d->chan);
	NUMBER(c, d->call);
	NUMBER(c, d->pos);
	NUMBER(c, d->ssl);
	NUMBER(c, d->pid);
	NUMBER(c, d->tid);
	NUMBER(c, d->fd);
	d->out = below(c, d->out, 2);
	d->layer = below(c, d->layer, DFL_TLS + 1);
	NUMBER(c, d->flags);
	NUMBER(c, d->len);
	NUMBER(c, d->copied);
	address(c, &d->peer);
	if (c->out)
		put(c, d->data, d->copied);
	else
		d->data = take(c, d->copied);
	if (d->copied > d->len)
		c->bad = true;
}

static void code_loss(struct codec *c, struct dfl_ev_loss *l)
{
	l->reason = below(c, l->reason, DFL_N_LOSS);
	NUMBER(c, l->cpu);
	NUMBER(c, l->events);
	NUMBER(c, l->bytes);
	NUMBER(c, l->since_ns);
	NUMBER(c, l->pid);
}

static void code_node(struct codec *c, struct dfl_ev_node *n)
{
	n->id = string(c, n->id);
	n->hostname = string(c, n->hostname);
	n->boot_id = string(c, n->boot_id);
	NUMBER(c, n->realtime_offset_ns);
}

/* The order of the members is the format: docs/formats.md. */
static void code_event(struct codec *c, struct dfl_event *ev)
{
	ev->type = below(c, ev->type, DFL_EV_BLIND + 1);
	NUMBER(c, ev->ts_ns);
	switch (ev->type) {
	case DFL_EV_NODE:
		code_node(c, &ev->node);
		return;
	case DFL_EV_TICK:
		return;
	case DFL_EV_PROC:
		code_proc(c, &ev->proc);
		return;
	case DFL_EV_PROC_EXIT:
		NUMBER(c, ev->exited_pid);
		return;
	case DFL_EV_CHAN:
		code_chan(c, &ev->chan);
		return;
	case DFL_EV_CHAN_CLOSE:
		NUMBER(c, ev->closed_chan);
		return;
	case DFL_EV_DATA:
		code_data(c, &ev->data);
		return;
	case DFL_EV_LOSS:
		code_loss(c, &ev->loss);
		return;
	case DFL_EV_BLIND:
		NUMBER(c, ev->blind.pid);
		ev->blind.kind = below(c, ev->blind.kind, DFL_N_BLIND);
		ev->blind.way = ev->blind.kind >= DFL_BLIND_LASTING ? string(c, ev->blind.way) : "";
		return;
	}
	c->bad = true;
}

/* ---- writing ---- */

struct dfl_recording {
	FILE *file;
	ZSTD_CCtx *zstd;
	struct dfl_buf block, packed;
	uint64_t flushed_ns;
	int error; /* the first; final */
};

static void set_u32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = v >> (8 * i);
}

static uint32_t get_u32(const uint8_t *p)
{
	return p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24;
}

/* The first error is final. */
static int fail(struct dfl_recording *rec, int error)
{
	if (!rec->error)
		rec->error = error;
	return rec->error;
}

static int write_head(FILE *file)
{
	uint8_t head[HEADER_LEN] = MAGIC; /* the feature words behind it are 0 */

	memcpy(head + 16, NOTICE, sizeof(NOTICE) - 1);
	return fwrite(head, sizeof(head), 1, file) == 1 ? 0 : -EIO;
}

int dfl_recording_create(const char *path, struct dfl_recording **ret_rec, struct dfl_err *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	struct dfl_recording *rec;
	struct stat st;

	if (fd < 0)
		return dfl_err_set(err, errno, "cannot write the recording %s: %m", path);
	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		close(fd);
		return dfl_err_set(err, EINVAL, "cannot write the recording %s: no regular file",
				   path);
	}
	if (fchmod(fd, 0600)) {
		close(fd);
		return dfl_err_set(err, errno, "cannot make the recording %s private: %m", path);
	}
	rec = calloc(1, sizeof(*rec));
	if (rec)
		rec->zstd = ZSTD_createCCtx();
	if (rec && rec->zstd)
		rec->file = fdopen(fd, "w");
	if (!rec || !rec->file) {
		if (rec)
			ZSTD_freeCCtx(rec->zstd);
		free(rec);
		close(fd);
		return dfl_err_set(err, ENOMEM, "out of memory");
	}
	ZSTD_CCtx_setParameter(rec->zstd, ZSTD_c_compressionLevel, ZSTD_LEVEL);
	ZSTD_CCtx_setParameter(rec->zstd, ZSTD_c_checksumFlag, 1);
	if (write_head(rec->file)) {
		dfl_recording_close(rec);
		return dfl_err_set(err, EIO, "cannot write the recording %s", path);
	}
	*ret_rec = rec;
	return 0;
}

/* Packs what was collected, and writes it with its two lengths. */
static int write_block(struct dfl_recording *rec)
{
	uint8_t head[BLOCK_HEAD_LEN];
	size_t n = ZSTD_compressBound(rec->block.len);

	rec->packed.len = 0;
	if (dfl_buf_reserve(&rec->packed, n))
		return fail(rec, -ENOMEM);
	n = ZSTD_compress2(rec->zstd, rec->packed.data, n, rec->block.data, rec->block.len);
	if (ZSTD_isError(n))
		return fail(rec, -ENOMEM);
	set_u32(head, n);
	set_u32(head + 4, rec->block.len);
	if (fwrite(head, sizeof(head), 1, rec->file) != 1 ||
	    fwrite(rec->packed.data, n, 1, rec->file) != 1 || fflush(rec->file))
		return fail(rec, -EIO);
	dfl_buf_drop(&rec->block, rec->block.len);
	return 0;
}

int dfl_recording_write(struct dfl_recording *rec, const struct dfl_event *ev)
{
	struct codec c = { .out = &rec->block };
	struct dfl_event copy = *ev; /* the description serves reading too, so it cannot take a
					const */
	bool full;

	if (rec->error)
		return rec->error;
	code_event(&c, &copy);
	if (c.no_memory)
		return fail(rec, -ENOMEM);
	full = rec->block.len >= FLUSH_BYTES ||
	       (ev->type == DFL_EV_TICK && ev->ts_ns - rec->flushed_ns >= FLUSH_NS);
	if (!full)
		return 0;
	rec->flushed_ns = ev->ts_ns;
	return write_block(rec);
}

int dfl_recording_close(struct dfl_recording *rec)
{
	static const uint8_t end[BLOCK_HEAD_LEN];
	int r;

	if (!rec)
		return 0;
	if (!rec->error && rec->block.len)
		write_block(rec);
	if (!rec->error && fwrite(end, sizeof(end), 1, rec->file) != 1)
		fail(rec, -EIO);
	if (fclose(rec->file))
		fail(rec, -EIO);
	r = rec->error;
	dfl_buf_fini(&rec->block);
	dfl_buf_fini(&rec->packed);
	ZSTD_freeCCtx(rec->zstd);
	free(rec);
	return r;
}

/* ---- reading ---- */

struct recording {
	struct dfl_event_source base;
	FILE *file;
	struct dfl_buf packed, block;
	size_t at; /* in block */
	uint64_t now_ns;
	bool ended;
};

/* The file stops without its end mark, so what came after is lost. */
static int tell_truncated(struct recording *r, dfl_event_fn fn, void *ud)
{
	const struct dfl_event ev = {
		.type = DFL_EV_LOSS,
		.ts_ns = r->now_ns,
		.loss = { .reason = DFL_LOSS_TRUNCATED_FILE, .events = 1, .since_ns = r->now_ns }
	};

	r->ended = true;
	return fn(ud, &ev);
}

/*
 * 1: a block is there; 0: the file ends here, with its mark; -ENODATA: without it; -EBADMSG,
 * -ENOMEM.
 */
static int next_block(struct recording *r)
{
	uint8_t head[BLOCK_HEAD_LEN];
	uint32_t packed_len, len;
	size_t n;

	if (fread(head, sizeof(head), 1, r->file) != 1)
		return ferror(r->file) ? -EIO : -ENODATA;
	packed_len = get_u32(head);
	len = get_u32(head + 4);
	if (!packed_len && !len)
		return 0;
	if (!len || len > MAX_BLOCK_BYTES || packed_len > ZSTD_compressBound(len))
		return -EBADMSG;
	dfl_buf_drop(&r->block, r->block.len);
	r->packed.len = r->at = 0;
	if (dfl_buf_reserve(&r->packed, packed_len) || dfl_buf_reserve(&r->block, len))
		return -ENOMEM;
	if (fread(r->packed.data, packed_len, 1, r->file) != 1)
		return -ENODATA;
	n = ZSTD_decompress(r->block.data, len, r->packed.data, packed_len);
	if (ZSTD_isError(n) || n != len)
		return -EBADMSG;
	r->block.len = len;
	return 1;
}

/* Reads one event out of the block and gives it to fn. */
static int deliver_one(struct recording *r, dfl_event_fn fn, void *ud)
{
	struct codec c = { .at = r->block.data + r->at, .end = r->block.data + r->block.len };
	struct dfl_event ev = { 0 };

	code_event(&c, &ev);
	if (c.bad)
		return -EBADMSG;
	r->at = c.at - r->block.data;
	r->now_ns = ev.ts_ns;
	return fn(ud, &ev);
}

static int rec_dispatch(struct dfl_event_source *source, dfl_event_fn fn, void *ud,
			unsigned max_events)
{
	struct recording *r = (struct recording *)source;
	unsigned n = 0;

	while (n < max_events && !r->ended) {
		int ret = r->at < r->block.len ? 1 : next_block(r);

		if (ret == 0)
			r->ended = true;
		else if (ret == -ENODATA)
			ret = tell_truncated(r, fn, ud);
		else if (ret > 0) {
			ret = deliver_one(r, fn, ud);
			n++;
		}
		if (ret < 0)
			return ret;
	}
	return n ? (int)n : -ENODATA;
}

static int rec_fd(struct dfl_event_source *source)
{
	return -1;
}

static uint64_t rec_timeout_ns(struct dfl_event_source *source)
{
	return 0;
}

/* The ticks are in the recording, the last one too. */
static int rec_finish(struct dfl_event_source *source, dfl_event_fn fn, void *ud)
{
	struct recording *r = (struct recording *)source;

	return fn(ud, &(struct dfl_event){ .type = DFL_EV_TICK, .ts_ns = r->now_ns });
}

static FILE *rec_file(struct dfl_event_source *source)
{
	return ((struct recording *)source)->file;
}

static void rec_free(struct dfl_event_source *source)
{
	struct recording *r = (struct recording *)source;

	dfl_buf_fini(&r->packed);
	dfl_buf_fini(&r->block);
	fclose(r->file);
	free(r);
}

/* Magic, then the feature words: one that we do not know, and that is not optional, makes the file
 * unreadable. */
static int check_head(FILE *file, const char *path, struct dfl_err *err)
{
	uint8_t head[HEADER_LEN];

	if (fread(head, sizeof(head), 1, file) != 1 || memcmp(head, MAGIC, sizeof(MAGIC) - 1))
		return dfl_err_set(err, EBADMSG, "%s is neither a packet capture nor a recording",
				   path);
	if (get_u32(head + SKIP_TO_FEATURES + 4))
		return dfl_err_set(err, EPROTO,
				   "the recording %s was written by a newer dflow; use that one",
				   path);
	return 0;
}

int dfl_recording_open(const char *path, struct dfl_event_source **ret_source, struct dfl_err *err)
{
	static const struct dfl_event_source_ops ops = {
		.fd = rec_fd,
		.timeout_ns = rec_timeout_ns,
		.dispatch = rec_dispatch,
		.finish = rec_finish,
		.file = rec_file,
		.free = rec_free,
	};
	struct recording *r = calloc(1, sizeof(*r));
	int ret;

	if (!r)
		return dfl_err_set(err, ENOMEM, "out of memory");
	r->base.ops = &ops;
	r->file = fopen(path, "re");
	if (!r->file) {
		free(r);
		return dfl_err_set(err, errno, "cannot read the recording %s: %m", path);
	}
	ret = check_head(r->file, path, err);
	if (ret) {
		rec_free(&r->base);
		return ret;
	}
	*ret_source = &r->base;
	return 0;
}
