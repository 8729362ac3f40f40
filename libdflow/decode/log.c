// SPDX-License-Identifier: Apache-2.0
/*
 * Logs: standard output and error of processes, log files; a line is an operation. And other files,
 * of which a call of the process is an operation.
 */
#include <stdlib.h>

#include "decode/emit.h"

/* One direction: the line or call that is being read. */
struct side {
	struct dfl_op *op;
	struct dfl_view *view;
};

struct log {
	struct side side[2];
	bool lines;	  /* a line is an operation, else a call */
	bool guess_again; /* each call is shown to all decoders: it may be none of a log */
	const char *protocol, *place;
	enum dfl_residency residency;
};

static bool is_log_path(const char *path)
{
	size_t n = strlen(path);

	return (n > 4 && !strcmp(path + n - 4, ".log")) || strstr(path, "/log/") ||
	       strstr(path, "/logs/");
}

/*
 * Texts that a process hands to the kernel: the source of events calls them files of these paths
 * (capture/live/ways.c).
 */
static const struct {
	const char *path, *place;
	enum dfl_residency residency;
} kernel_texts[] = {
	{ "[arguments]", "arguments", DFL_MEMORY },
	{ "[environment]", "environment", DFL_MEMORY },
	{ "[file names]", "file-name", DFL_EPHEMERAL_DISK },
	{ "[file attributes]", "file-attribute", DFL_EPHEMERAL_DISK },
	{ "[message queue]", "message-queue", DFL_QUEUE },
	{ "[key ring]", "key-ring", DFL_MEMORY },
	{ "[process names]", "process-name", DFL_MEMORY },
	{ "[socket options]", "socket-option", DFL_MEMORY },
	{ "[kernel messages]", "kernel-message", DFL_TRANSIT },
};

static void set_kernel_text(struct log *l, const char *path)
{
	for (size_t i = 0; i < sizeof(kernel_texts) / sizeof(*kernel_texts); i++) {
		if (strcmp(path, kernel_texts[i].path))
			continue;
		l->protocol = "kernel";
		l->place = kernel_texts[i].place;
		l->residency = kernel_texts[i].residency;
	}
}

static enum dfl_guess guess(const struct dfl_conn *conn, enum dfl_layer layer, enum dfl_dir dir,
			    const uint8_t *data, size_t len)
{
	int fd = conn->end[DFL_CLIENT].fd;

	if (conn->medium == DFL_FILE)
		return DFL_GUESS_YES;
	return conn->medium == DFL_PIPE && (fd == 1 || fd == 2) ? DFL_GUESS_YES : DFL_GUESS_NO;
}

static int init(struct dfl_decoder_ctx *ctx)
{
	const struct dfl_conn *conn = ctx->conn;
	struct log *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->lines = conn->medium == DFL_PIPE || is_log_path(conn->path);
	l->protocol = l->lines ? "log" : "file";
	l->residency = l->lines ? DFL_LOG : DFL_EPHEMERAL_DISK;
	if (conn->medium == DFL_FILE)
		l->place = l->lines ? "log-file" : "file";
	else
		l->place = conn->end[DFL_CLIENT].fd == 2 ? "stderr" : "stdout";
	if (conn->path[0] == '[')
		set_kernel_text(l, conn->path);
	ctx->state = l;
	return 0;
}

static void end_op(struct dfl_decoder_ctx *ctx, struct side *side, uint64_t ts_ns)
{
	dfl_close_view(ctx, &side->view);
	if (side->op)
		dfl_keep_op(ctx, side->op, DFL_KEPT_PRESENT, ts_ns); /* the call returned */
	dfl_end_op(ctx, &side->op, ts_ns);
}

static void put(struct dfl_decoder_ctx *ctx, const struct dfl_chunk *c, size_t from, size_t len)
{
	struct log *l = ctx->state;
	struct side *side = &l->side[c->dir];
	const struct dfl_op_desc d = { .protocol = l->protocol,
				       .operation = c->dir == DFL_REQUEST ? "write" : "read",
				       .place = l->place,
				       .residency = l->residency,
				       .ttl_s = -1,
				       .dir = c->dir };
	struct dfl_slice s = dfl_chunk_slice(c, from, len);

	if (!side->op) {
		side->op = dfl_begin_op(ctx, &d, c->ts_ns);
		side->view = dfl_open_view(ctx, side->op, c->dir, NULL);
	}
	dfl_put_view(ctx, side->view, &s, c);
}

static int feed(struct dfl_decoder_ctx *ctx, const struct dfl_chunk *chunk, size_t *ret_used)
{
	struct log *l = ctx->state;
	struct side *side = &l->side[chunk->dir];
	size_t i = 0, n;

	if (!l->lines) {
		if (chunk->call_start)
			end_op(ctx, side, chunk->ts_ns);
		put(ctx, chunk, 0, chunk->len);
		return 0;
	}
	if (l->guess_again && chunk->call_start && !side->op) {
		*ret_used = 0; /* a plugin may print something before it speaks its protocol */
		return -EPROTO;
	}
	l->guess_again = ctx->conn->medium == DFL_PIPE;
	while (i < chunk->len) {
		const uint8_t *nl = memchr(chunk->data + i, '\n', chunk->len - i);

		n = (nl ? (size_t)(nl - chunk->data) + 1 : chunk->len) - i;
		put(ctx, chunk, i, n);
		if (nl)
			end_op(ctx, side, chunk->ts_ns);
		i += n;
	}
	return 0;
}

static void gap(struct dfl_decoder_ctx *ctx, const struct dfl_gap *g)
{
	struct log *l = ctx->state;

	dfl_gap_view(ctx, l->side[g->dir].view, g->pos, g->len);
}

static void end(struct dfl_decoder_ctx *ctx, enum dfl_dir dir, uint64_t ts_ns)
{
	struct log *l = ctx->state;

	end_op(ctx, &l->side[dir], ts_ns);
}

static void fini(struct dfl_decoder_ctx *ctx, uint64_t ts_ns)
{
	struct log *l = ctx->state;

	end_op(ctx, &l->side[0], ts_ns);
	end_op(ctx, &l->side[1], ts_ns);
	free(l);
}

const struct dfl_decoder dfl_decoder_log = { .name = "log",
					     .guess = guess,
					     .init = init,
					     .feed = feed,
					     .gap = gap,
					     .end = end,
					     .fini = fini };
