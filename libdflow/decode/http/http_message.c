// SPDX-License-Identifier: Apache-2.0
/*
 * Drives llhttp over one direction; its callbacks send the bytes to the views of head and body.
 *
 * llhttp tells where a body's bytes are and nothing of the others, so a cursor runs along: when
 * bytes of a body come, all between the cursor and them was head. Values of secret headers move the
 * cursor too, and leave a gap. llhttp is paused at the end of each message, because only then it is
 * known how far it has read.
 */
#include "decode/http/http_message.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <strings.h>

#include "decode/dify/headers.h"
#include "decode/dify/routes.h"
#include "decode/emit.h"
#include "decode/http/http1.h"
#include "decode/item.h"

/* Headers whose values are credentials: those of HTTP, of model vendors and of AWS. */
static const char *const secret_headers[] = {
	"authorization",
	"proxy-authorization",
	"cookie",
	"set-cookie",
	"x-api-key",
	"api-key",
	"x-goog-api-key",
	"x-amz-security-token",
	"x-csrf-token",
	"x-auth-token",
	NULL,
};

static bool is_secret(const char *name)
{
	for (size_t i = 0; secret_headers[i]; i++)
		if (!strcmp(name, secret_headers[i]))
			return true;
	return dfl_headers_is_secret(name);
}

static uint64_t pos_of(const struct dfl_http_message *s, const uint8_t *at)
{
	return s->chunk->pos + (uint64_t)(at - s->chunk->data);
}

/* Bytes up to `to` that no callback took as body are of the head. */
static void flush_head(struct dfl_http_message *s, const uint8_t *to)
{
	struct dfl_slice bytes;

	if (s->muted || to <= s->cursor)
		return;
	bytes = dfl_chunk_slice(s->chunk, (size_t)(s->cursor - s->chunk->data),
				(size_t)(to - s->cursor));
	s->cursor = to;
	if (!s->ex)
		return; /* line breaks between messages */
	if (!s->head)
		s->head = dfl_open_view(s->http->ctx, s->ex->op, s->dir, NULL);
	dfl_put_view(s->http->ctx, s->head, &bytes, s->chunk);
}

/* Appends to a buffer of cap bytes what fits, and a NUL. */
static void append(char *buf, uint16_t *len, size_t cap, const char *at, size_t n, bool lower)
{
	for (size_t i = 0; i < n && *len < cap - 1; i++, (*len)++)
		buf[*len] = (char)(lower && at[i] >= 'A' && at[i] <= 'Z' ? at[i] | 0x20 : at[i]);
	buf[*len] = 0;
}

static int on_message_begin(llhttp_t *p)
{
	struct dfl_http_message *s = p->data;

	s->ex = dfl_http1_exchange_of(s->http, s->is_request, s->chunk->ts_ns);
	s->name_len = s->value_len = s->url_len = 0;
	s->in_value = s->secret = s->chunked_data = s->via_alb = s->s3 = s->url_query = false;
	s->name[0] = s->value[0] = s->url[0] = s->host[0] = s->type[0] = s->encoding[0] = 0;
	s->extensions[0] = 0;
	s->websocket = false;
	s->client.family = 0;
	return s->ex ? 0 : -1;
}

static int on_url(llhttp_t *p, const char *at, size_t n)
{
	struct dfl_http_message *s = p->data;
	const char *q = memchr(at, '?', n);

	if (s->url_query)
		return 0;
	append(s->url, &s->url_len, sizeof(s->url), at, q ? (size_t)(q - at) : n, false);
	s->url_query = q != NULL;
	return 0;
}

static int on_header_field(llhttp_t *p, const char *at, size_t n)
{
	struct dfl_http_message *s = p->data;

	if (s->in_value) {
		s->name_len = s->value_len = 0;
		s->in_value = false;
	}
	append(s->name, &s->name_len, sizeof(s->name), at, n, true);
	return 0;
}

static int on_header_value(llhttp_t *p, const char *at, size_t n)
{
	struct dfl_http_message *s = p->data;
	struct dfl_slice secret;

	if (!s->in_value) {
		s->in_value = true;
		s->value_len = 0;
		s->value[0] = 0;
		s->secret = is_secret(s->name);
	}
	append(s->value, &s->value_len, sizeof(s->value), at, n, false);
	if (!s->secret || s->muted)
		return 0;
	flush_head(s, (const uint8_t *)at);
	secret = (struct dfl_slice){ (const uint8_t *)at, n, pos_of(s, (const uint8_t *)at), n };
	dfl_gap_view(s->http->ctx, s->head, secret.pos, n);
	dfl_put_withheld(s->http->ctx, &secret, s->chunk);
	s->cursor = (const uint8_t *)at + n;
	return 0;
}

/*
 * "Root=1-67891233-abcdef012345678912345678;Parent=…" (AWS, "Request tracing for your Application
 * Load Balancer").
 */
static void amzn_trace_id(struct dfl_http_message *s)
{
	const char *root = strstr(s->value, "Root=");
	size_t n = root ? strcspn(root + 5, ";, ") : 0;

	s->via_alb = true;
	if (root && dfl_is_id(DFL_ID_X_AMZN_TRACE_ID, root + 5, n))
		dfl_put_id(s->http->ctx, s->ex->op, DFL_ID_X_AMZN_TRACE_ID, root + 5, n);
}

/* The first address of the list is the client's, as far as the proxies tell. */
static void forwarded_for(struct dfl_http_message *s)
{
	char text[INET6_ADDRSTRLEN];
	uint8_t ip[16];
	size_t n = strcspn(s->value, ", ");

	if (n >= sizeof(text))
		return;
	memcpy(text, s->value, n);
	text[n] = 0;
	if (inet_pton(AF_INET, text, ip) == 1)
		dfl_addr_set(&s->client, AF_INET, ip, 0);
	else if (inet_pton(AF_INET6, text, ip) == 1)
		dfl_addr_set(&s->client, AF_INET6, ip, 0);
}

static void request_header(struct dfl_http_message *s)
{
	if (!strcmp(s->name, "x-amzn-trace-id"))
		amzn_trace_id(s);
	else if (!strcmp(s->name, "x-forwarded-for"))
		forwarded_for(s);
	else if (!strcmp(s->name, "x-request-id") &&
		 dfl_is_id(DFL_ID_X_REQUEST_ID, s->value, s->value_len))
		dfl_put_id(s->http->ctx, s->ex->op, DFL_ID_X_REQUEST_ID, s->value, s->value_len);
	else if (!strcmp(s->name, "traceparent") &&
		 dfl_is_id(DFL_ID_TRACEPARENT, s->value, s->value_len))
		dfl_put_id(s->http->ctx, s->ex->op, DFL_ID_TRACEPARENT, s->value, s->value_len);
	else if (!strcmp(s->name, "host"))
		snprintf(s->host, sizeof(s->host), "%.*s", (int)strcspn(s->value, ":"), s->value);
	else if (!strcmp(s->name, "authorization"))
		s->s3 |= strstr(s->value, "/s3/aws4_request") != NULL;
}

/* Several lines are one list (RFC 9110, 5.3). */
static void content_encoding(struct dfl_http_message *s)
{
	size_t n = strlen(s->encoding);

	snprintf(s->encoding + n, sizeof(s->encoding) - n, "%s%s", n ? "," : "", s->value);
}

static int on_header_value_complete(llhttp_t *p)
{
	struct dfl_http_message *s = p->data;

	if (!strcmp(s->name, "content-type"))
		snprintf(s->type, sizeof(s->type), "%.*s", (int)sizeof(s->type) - 1, s->value);
	else if (!strcmp(s->name, "content-encoding"))
		content_encoding(s);
	else if (!strcmp(s->name, "upgrade"))
		s->websocket = !strcasecmp(s->value, "websocket");
	else if (!strcmp(s->name, "sec-websocket-extensions"))
		snprintf(s->extensions, sizeof(s->extensions), "%.*s",
			 (int)sizeof(s->extensions) - 1, s->value);
	else if (s->is_request)
		request_header(s);
	if (s->secret)
		explicit_bzero(s->value, sizeof(s->value));
	s->secret = false;
	return 0;
}

/*
 * The bucket of a path-style ("/bucket/key") or virtual-hosted-style ("bucket.s3.…") request
 * (Amazon S3 user guide, "Virtual hosting of buckets").
 */
static void s3_place(const struct dfl_http_message *s, char place[static DFL_NAME_MAX])
{
	const char *dot = strstr(s->host, ".s3"), *bucket = s->host;
	size_t n = dot ? (size_t)(dot - s->host) : 0;

	if (!n && s->url[0] == '/') {
		bucket = s->url + 1;
		n = strcspn(bucket, "/");
	}
	if (dfl_is_bucket(bucket, n))
		snprintf(place, DFL_NAME_MAX, "%.*s/*", (int)n, bucket);
	else
		snprintf(place, DFL_NAME_MAX, "*/*");
}

/* An object is told by its host and path. A query string may ask for something else of it. */
static void s3_effects(struct dfl_http_message *s, const char *method, const char *place)
{
	char name[sizeof(s->host) + sizeof(s->url)];
	int n = snprintf(name, sizeof(name), "%s%s", s->host, s->url);
	const struct dfl_item_key key = dfl_item_key("object", name, (size_t)n);
	struct dfl_effect e = { .table = place,
				.keys = &key,
				.n_keys = s->url_len < sizeof(s->url) - 1,
				.more = s->url_query || s->url_len == sizeof(s->url) - 1,
				.ttl_s = -1 };

	if (!strcmp(method, "PUT")) {
		e.kind = DFL_WRITES;
		dfl_put_effect(s->http->ctx, s->ex->op, &e);
		e.kind = DFL_REPLACES;
	} else if (!strcmp(method, "DELETE") || (!strcmp(method, "POST") && s->url_query)) {
		e.kind = DFL_REMOVES; /* POST ?delete names objects in its body */
		e.n_keys = strcmp(method, "DELETE") ? 0 : e.n_keys;
	} else {
		return;
	}
	dfl_put_effect(s->http->ctx, s->ex->op, &e);
}

static void name_s3(struct dfl_http_message *s, const char *method)
{
	char operation[DFL_NAME_MAX], place[DFL_NAME_MAX];
	const struct dfl_op_desc d = { .protocol = "http",
				       .operation = operation,
				       .place = place,
				       .residency = DFL_OBJECT,
				       .ttl_s = -1,
				       .dir = s->dir };

	s3_place(s, place);
	snprintf(operation, sizeof(operation), "%s s3-bucket/*", method);
	dfl_name_op(s->http->ctx, s->ex->op, &d);
	s3_effects(s, method, place);
	s->http->ctx->sink->op_station(s->http->ctx->sink->ud, s->ex->op, DFL_SERVER, DFL_ST_S3,
				       "http:s3");
}

/* Was it sent to a process that was seen, or was neither end seen? */
static bool is_inbound(const struct dfl_http_message *s)
{
	const struct dfl_conn *c = s->http->ctx->conn;

	return c->end[DFL_SERVER].pid || !c->end[DFL_CLIENT].pid;
}

static void name_route(struct dfl_http_message *s, const char *method)
{
	const struct dfl_decoder_ctx *c = s->http->ctx;
	const struct dfl_route *r;
	const char *id = NULL;
	size_t id_len = 0;
	char operation[DFL_NAME_MAX];
	struct dfl_op_desc d = {
		.protocol = "http", .operation = operation, .ttl_s = -1, .dir = s->dir
	};

	r = s->url_len < sizeof(s->url) - 1 ?
		    dfl_routes_find(method, s->url, s->url_len, &id, &id_len) :
		    NULL;
	snprintf(operation, sizeof(operation), "%s %s", method, r ? r->path : "*");
	s->ex->route = r ? r : is_inbound(s) ? &dfl_route_unknown : NULL;
	d.residency = r ? r->residency : DFL_RES_UNKNOWN;
	dfl_name_op(c, s->ex->op, &d);
	if (r && r->server)
		c->sink->op_station(c->sink->ud, s->ex->op, DFL_SERVER, r->server, r->rule);
	if (id_len)
		dfl_put_id(c, s->ex->op, r->path_id, id, id_len);
}

static void request_headers(struct dfl_http_message *s)
{
	const struct dfl_decoder_ctx *c = s->http->ctx;
	const char *method = llhttp_method_name((llhttp_method_t)s->parser.method);

	s->ex->head = s->parser.method == HTTP_HEAD;
	s->ex->connect = s->parser.method == HTTP_CONNECT;
	if (s->s3)
		name_s3(s, method);
	else
		name_route(s, method);
	if (s->client.family)
		c->sink->op_client(c->sink->ud, s->ex->op, &s->client, s->via_alb);
}

/*
 * 2xx: it was done. 4xx: it was refused. A server that fails, or a gateway that waited in vain, may
 * have done it or not.
 */
static void tell(struct dfl_http_message *s, int status)
{
	if (status / 100 == 1)
		return;
	dfl_keep_op(s->http->ctx, s->ex->op,
		    status / 100 == 2 ? DFL_KEPT_PRESENT :
		    status / 100 == 4 ? DFL_KEPT_NOT :
					DFL_KEPT_UNKNOWN,
		    s->chunk->ts_ns);
}

static int on_headers_complete(llhttp_t *p)
{
	struct dfl_http_message *s = p->data;
	int status = p->status_code;

	if (s->is_request)
		request_headers(s);
	dfl_http_body_init(&s->body, s->http->ctx, s->ex->op, s->dir, s->ex->route, s->is_request,
			   s->type, s->encoding);
	if (s->is_request)
		return 0;
	if (status == 101 && s->websocket)
		dfl_http1_to_websocket(s->http, s->ex, is_inbound(s), s->extensions);
	tell(s, status);
	if (s->ex->connect && status / 100 == 2)
		return 2; /* to llhttp: no body, and another protocol follows (RFC 9110, 9.3.6) */
	return s->ex->head ? 1 : 0; /* 1: no body */
}

static int on_body(llhttp_t *p, const char *at, size_t n)
{
	struct dfl_http_message *s = p->data;
	struct dfl_slice bytes;

	if (s->muted)
		return 0;
	flush_head(s, (const uint8_t *)at);
	bytes = dfl_chunk_slice(s->chunk, (size_t)((const uint8_t *)at - s->chunk->data), n);
	s->cursor += n;
	dfl_http_body_feed(&s->body, &bytes, s->chunk);
	return 0;
}

static int on_chunk_header(llhttp_t *p)
{
	((struct dfl_http_message *)p->data)->chunked_data = p->content_length > 0;
	return 0;
}

static int on_chunk_complete(llhttp_t *p)
{
	((struct dfl_http_message *)p->data)->chunked_data = false;
	return 0;
}

/* Pauses, so that execute tells where the message ended; an upgrade stops by itself. */
static int on_message_complete(llhttp_t *p)
{
	return p->upgrade ? 0 : HPE_PAUSED;
}

static const llhttp_settings_t settings = {
	.on_message_begin = on_message_begin,
	.on_url = on_url,
	.on_header_field = on_header_field,
	.on_header_value = on_header_value,
	.on_header_value_complete = on_header_value_complete,
	.on_headers_complete = on_headers_complete,
	.on_body = on_body,
	.on_chunk_header = on_chunk_header,
	.on_chunk_complete = on_chunk_complete,
	.on_message_complete = on_message_complete,
};

void dfl_http_message_init(struct dfl_http_message *s, struct dfl_http1 *h, bool is_request)
{
	memset(s, 0, sizeof(*s));
	s->http = h;
	s->is_request = is_request;
	llhttp_init(&s->parser, is_request ? HTTP_REQUEST : HTTP_RESPONSE, &settings);
	llhttp_set_lenient_keep_alive(&s->parser, 1);
	/* Servers are as tolerant: what they read must not be invisible here. */
	llhttp_set_lenient_headers(&s->parser, 1);
	llhttp_set_lenient_chunked_length(&s->parser, 1);
	llhttp_set_lenient_transfer_encoding(&s->parser, 1);
	s->parser.data = s;
}

static void close_message(struct dfl_http_message *s, uint64_t ts_ns)
{
	dfl_http_body_fini(&s->body, ts_ns);
	dfl_close_view(s->http->ctx, &s->head);
}

static void message_done(struct dfl_http_message *s, uint64_t ts_ns)
{
	struct dfl_http1_exchange *ex = s->ex;
	int status = s->parser.status_code;

	close_message(s, ts_ns);
	s->ex = NULL;
	if (!ex)
		return;
	if (s->is_request)
		ex->asked = true;
	else if (status / 100 != 1 || status == 101) /* "100 Continue" is no answer yet */
		ex->answered = true;
	dfl_http1_exchange_done(s->http, ex, ts_ns);
}

/*
 * The head of a request cannot be read. It came in all the same, with text that nobody knows.
 */
static void unreadable_head(struct dfl_http_message *s)
{
	const struct dfl_decode_sink *k = s->http->ctx->sink;
	struct dfl_src *source;

	if (!s->is_request || !s->ex || s->body.ctx || !s->url_len || !is_inbound(s))
		return;
	name_route(s, llhttp_method_name((llhttp_method_t)s->parser.method));
	source = k->source_begin(k->ud, s->ex->op, "*", s->dir);
	k->source_gap(k->ud, source, 0, 0);
	k->source_end(k->ud, source, s->chunk->ts_ns);
}

/* Up to the end of a message. Returns the bytes consumed; *ret_err: 0, -EPROTO or -EAGAIN. */
static size_t execute(struct dfl_http_message *s, const uint8_t *data, size_t n, int *ret_err)
{
	llhttp_errno_t e = llhttp_execute(&s->parser, (const char *)data, n);
	size_t used = n;

	*ret_err = 0;
	if (e != HPE_OK)
		used = (size_t)((const uint8_t *)llhttp_get_error_pos(&s->parser) - data);
	if (e == HPE_PAUSED || e == HPE_PAUSED_UPGRADE) {
		flush_head(s, data + used);
		message_done(s, s->chunk->ts_ns);
		if (e == HPE_PAUSED)
			llhttp_resume(&s->parser);
		else
			llhttp_resume_after_upgrade(&s->parser);
		if (e == HPE_PAUSED_UPGRADE && !s->is_request)
			*ret_err = -EAGAIN;
	} else if (e != HPE_OK) {
		unreadable_head(s);
		*ret_err = -EPROTO;
	}
	return used;
}

int dfl_http_message_feed(struct dfl_http_message *s, const struct dfl_chunk *c, size_t *ret_used)
{
	size_t off = 0;
	int err = 0;

	if (s->broken)
		return -EPROTO;
	s->chunk = c;
	s->dir = c->dir;
	s->cursor = c->data;
	while (off < c->len && !err)
		off += execute(s, c->data + off, c->len - off, &err);
	if (err != -EPROTO || s->ex) /* what stands before an error was read */
		flush_head(s, c->data + off);
	*ret_used = err == -EPROTO ? (size_t)(s->cursor - c->data) : off;
	s->chunk = NULL;
	return err;
}

/*
 * Bytes of a body that must still come before llhttp looks at framing again; 0: it is not inside
 * one; UINT64_MAX: the end of the connection ends it (RFC 9112, 6.3).
 */
static uint64_t body_left(const struct dfl_http_message *s)
{
	if (!s->ex || !s->body.ctx)
		return 0;
	if (s->parser.flags & F_CHUNKED)
		return s->chunked_data ? s->parser.content_length : 0;
	if (s->parser.flags & F_CONTENT_LENGTH)
		return s->parser.content_length;
	return s->is_request ? 0 : UINT64_MAX; /* until the connection ends */
}

/*
 * Moves llhttp over bytes that are missing inside a body. Its counter content_length takes all but
 * one of them; that one is fed as a dummy, so that llhttp itself sees the end of the body.
 */
static bool bridge(struct dfl_http_message *s, const struct dfl_gap *gap)
{
	const struct dfl_chunk c = { .dir = gap->dir,
				     .data = (const uint8_t *)"x",
				     .len = 1,
				     .pos = gap->pos,
				     .ts_ns = gap->ts_ns };
	uint64_t left = body_left(s);
	int err;

	if (!gap->len || left < gap->len)
		return false;
	dfl_http_body_gap(&s->body, gap->pos, gap->len, gap->ts_ns);
	if (left == UINT64_MAX)
		return true;
	s->parser.content_length -= gap->len - 1;
	s->muted = true;
	s->chunk = &c;
	s->cursor = c.data;
	execute(s, c.data, 1, &err);
	s->chunk = NULL;
	s->muted = false;
	return !err;
}

void dfl_http_message_gap(struct dfl_http_message *s, const struct dfl_gap *gap)
{
	s->dir = gap->dir;
	if (s->broken || bridge(s, gap))
		return;
	dfl_http_body_gap(&s->body, gap->pos, gap->len, gap->ts_ns);
	s->broken = true;
}

void dfl_http_message_end(struct dfl_http_message *s, uint64_t ts_ns)
{
	const struct dfl_chunk c = { .dir = s->dir, .ts_ns = ts_ns };

	if (s->broken)
		return;
	s->chunk = &c;
	s->cursor = NULL;
	llhttp_finish(&s->parser);
	message_done(s, ts_ns);
	s->chunk = NULL;
	s->broken = true;
}

void dfl_http_message_fini(struct dfl_http_message *s, uint64_t ts_ns)
{
	close_message(s, ts_ns);
	explicit_bzero(s->value, sizeof(s->value));
	explicit_bzero(s->url, sizeof(s->url));
}
