// SPDX-License-Identifier: Apache-2.0
/* Deposits: text that an operation gave to a store, and what the store said of it. */
#include "trace/deposit.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "trace/string.h"

#define SECOND_NS 1000000000ull

/* What an operation asked for that waits for the store's verdict. */
struct effect {
	struct effect *prev, *next; /* of its transaction */
	const char *protocol;
	struct dfl_addr server;
	uint64_t op;
	enum dfl_kept verdict; /* PRESENT or UNKNOWN, once the store told; at ts_ns */
	uint64_t ts_ns;
	struct dfl_effect e; /* strings are interned; keys stand behind this struct */
	struct dfl_item_key keys[];
};

/* ---- items ---- */

static void put_into_item(struct dfl_trace *t, struct deposit *d, const char *protocol,
			  const struct dfl_effect *writes)
{
	if (d->item || !writes)
		return;
	d->item = dfl_item_get(t, protocol, writes);
	if (d->item)
		LL_PREPEND2(d->item->deposits, d, next_of_item);
}

/* ---- effects ---- */

/* One effect that is applied. */
struct apply {
	const struct effect *effect;
	enum dfl_kept verdict; /* PRESENT: it happened; UNKNOWN: perhaps */
	uint64_t ts_ns;
};

/* "unacked#argsrepr" is a part of the place "unacked"; "messages.*" may be any column. */
static enum item_hit hit_place(const struct deposit *d, const char *place)
{
	size_t n = place ? strlen(place) : 0, len = d->place ? strlen(d->place) : 0;

	if (!place)
		return ITEM_SURE;
	if (!d->place || (len > 1 && d->place[len - 1] == '*' && d->place[len - 2] == '.' &&
			  !strncmp(d->place, place, len - 1)))
		return ITEM_MAYBE;
	return !strncmp(d->place, place, n) && (!d->place[n] || d->place[n] == '#') ? ITEM_SURE :
										      ITEM_NO;
}

/* Do both go to the same server, as far as addresses tell? */
static bool is_same_server(const struct deposit *d, const struct effect *f)
{
	const struct dfl_addr *a = &d->tc->end[DFL_SERVER].addr, *b = &f->server;

	return !a->family || !b->family || dfl_addr_eq(a, b);
}

static void set_kept(struct deposit *d, enum dfl_kept kept, uint64_t ts_ns)
{
	d->kept = kept;
	d->since_ns = ts_ns;
	dfl_request_news(d->request);
}

/* The text was there, or may have been: now it is gone, or may be. */
static void take_away(struct deposit *d, const struct apply *a, bool sure)
{
	if (d->kept != DFL_KEPT_PRESENT && d->kept != DFL_KEPT_UNKNOWN)
		return;
	if (sure || d->kept == DFL_KEPT_PRESENT)
		set_kept(d, sure ? DFL_KEPT_REMOVED : DFL_KEPT_UNKNOWN, a->ts_ns);
}

static void apply_to_deposit(struct deposit *d, const struct apply *a, enum item_hit hit)
{
	const struct effect *f = a->effect;
	enum item_hit place = hit_place(d, f->e.place);

	if (d->op >= f->op || place == ITEM_NO)
		return;
	if (f->e.kind != DFL_EXPIRES) {
		take_away(d, a,
			  a->verdict == DFL_KEPT_PRESENT && hit == ITEM_SURE &&
				  place == ITEM_SURE && (f->e.n_keys || is_same_server(d, f)));
		return;
	}
	if (hit != ITEM_SURE || a->verdict != DFL_KEPT_PRESENT)
		return;
	d->expires_ns = f->e.ttl_s < 0 ? 0 : a->ts_ns + (uint64_t)f->e.ttl_s * SECOND_NS;
	dfl_request_news(d->request);
}

static void apply_to(void *ud, struct item *it, enum item_hit hit)
{
	struct deposit *d;

	LL_FOREACH2(it->deposits, d, next_of_item)
	apply_to_deposit(d, ud, hit);
}

/* Keeps it for deposits that become known later, in place of the oldest one. */
static void remember(struct dfl_trace *t, struct effect *f, enum dfl_kept verdict, uint64_t ts_ns)
{
	struct effect *oldest = t->applied;

	f->verdict = verdict;
	f->ts_ns = ts_ns;
	DL_APPEND(t->applied, f);
	if (t->n_applied < MAX_APPLIED) {
		t->n_applied++;
		return;
	}
	DL_DELETE(t->applied, oldest);
	free(oldest);
}

/* The store's verdict on the effect came: it happens, perhaps, or not. Takes the effect. */
static void apply(struct dfl_trace *t, struct effect *f, enum dfl_kept verdict, uint64_t ts_ns)
{
	struct apply a = { f, verdict, ts_ns };

	if (verdict != DFL_KEPT_PRESENT && verdict != DFL_KEPT_UNKNOWN) {
		free(f);
		return;
	}
	dfl_items_hit(t, f->protocol, &f->e, apply_to, &a);
	remember(t, f, verdict, ts_ns);
}

/*
 * An id may tell late which request a text belongs to: meanwhile it may have been removed. Beyond
 * the limit it cannot be told any more.
 */
static void catch_up(struct dfl_trace *t, struct deposit *d)
{
	struct effect *f;

	if (!d->item)
		return;
	DL_FOREACH(t->applied, f)
	{
		struct apply a = { f, f->verdict, f->ts_ns };
		enum item_hit hit = f->op > d->op ? dfl_item_hit(d->item, f->protocol, &f->e) :
						    ITEM_NO;

		if (hit)
			apply_to_deposit(d, &a, hit);
	}
}

static struct effect *new_effect(struct dfl_trace *t, const struct dfl_effect *e)
{
	size_t bytes = e->n_keys * sizeof(e->keys[0]);
	struct effect *f = calloc(1, sizeof(*f) + bytes);

	if (!f)
		return NULL;
	f->e = *e;
	f->e.table = dfl_string(t, e->table);
	f->e.place = dfl_string(t, e->place);
	f->e.keys = f->keys;
	if (bytes)
		memcpy(f->keys, e->keys, bytes);
	return f;
}

/* ---- transactions ---- */

struct dfl_txn *dfl_txn_new(void)
{
	struct dfl_txn *txn = calloc(1, sizeof(*txn));

	if (!txn)
		return NULL;
	txn->refs = 1;
	txn->kept = DFL_KEPT_ATTEMPTED;
	return txn;
}

static void unref(struct dfl_txn *txn)
{
	if (!--txn->refs)
		free(txn);
}

/* The verdict on all that is in it. Effects come after all deposits, which may be older. */
static void settle(struct dfl_trace *t, struct dfl_txn *txn, enum dfl_kept kept, uint64_t ts_ns)
{
	struct deposit *d, *next;
	struct effect *f, *after;

	if (txn->kept != DFL_KEPT_ATTEMPTED)
		return;
	txn->kept = kept;
	txn->since_ns = ts_ns;
	DL_FOREACH_SAFE(txn->deposits, d, next)
	{
		DL_DELETE(txn->deposits, d);
		d->txn = NULL;
		set_kept(d, kept, ts_ns);
	}
	DL_FOREACH_SAFE(txn->effects, f, after)
	{
		DL_DELETE(txn->effects, f);
		apply(t, f, kept, ts_ns);
	}
}

void dfl_txn_end(struct dfl_trace *t, struct dfl_txn *txn, enum dfl_kept kept, uint64_t ts_ns)
{
	settle(t, txn, kept, ts_ns);
	unref(txn);
}

/* ---- verdicts ---- */

/* The open transaction of the operation, made if there is none. NULL: it is over, or no memory. */
static struct dfl_txn *open_txn(struct verdict *v)
{
	if (!v->txn && v->kept == DFL_KEPT_ATTEMPTED)
		v->txn = dfl_txn_new();
	return v->txn && v->txn->kept == DFL_KEPT_ATTEMPTED ? v->txn : NULL;
}

/* What the operation wants to write decides in which item its deposits are. */
static void note_writes(struct dfl_trace *t, struct verdict *v, const char *protocol, uint64_t op,
			const struct dfl_effect *e)
{
	size_t bytes = e->n_keys * sizeof(e->keys[0]);
	struct dfl_effect *w = v->writes ? NULL : malloc(sizeof(*w) + bytes);
	struct deposit *d;

	if (!w)
		return;
	*w = *e;
	w->table = dfl_string(t, e->table);
	w->keys = (struct dfl_item_key *)(w + 1);
	if (bytes)
		memcpy(w + 1, e->keys, bytes);
	v->writes = w;
	DL_FOREACH(v->txn ? v->txn->deposits : NULL, d)
	if (d->op == op)
		put_into_item(t, d, protocol, w);
}

void dfl_verdict_effect(struct dfl_trace *t, struct verdict *v, const struct tconn *tc,
			const char *protocol, uint64_t op, const struct dfl_effect *e)
{
	struct dfl_txn *txn;
	struct effect *f;

	if (e->kind == DFL_WRITES) {
		note_writes(t, v, protocol, op, e);
		return;
	}
	txn = t->requests ? open_txn(v) : NULL;
	f = txn ? new_effect(t, e) : NULL;
	if (!f)
		return;
	f->protocol = protocol;
	f->server = tc->end[DFL_SERVER].addr;
	f->op = op;
	DL_APPEND(txn->effects, f);
}

void dfl_verdict_tell(struct dfl_trace *t, struct verdict *v, enum dfl_kept kept, uint64_t ts_ns)
{
	if (v->is_shared || v->kept != DFL_KEPT_ATTEMPTED)
		return;
	v->kept = kept;
	v->since_ns = ts_ns;
	if (v->txn)
		settle(t, v->txn, kept, ts_ns);
}

/* What waits for the operation alone now waits for the transaction. */
static void move(struct dfl_txn *from, struct dfl_txn *to)
{
	struct deposit *d;

	DL_FOREACH(from->deposits, d)
	d->txn = to;
	DL_CONCAT(to->deposits, from->deposits);
	DL_CONCAT(to->effects, from->effects);
	from->deposits = NULL;
	from->effects = NULL;
}

void dfl_verdict_join(struct dfl_trace *t, struct verdict *v, struct dfl_txn *txn)
{
	if (v->is_shared || v->kept != DFL_KEPT_ATTEMPTED)
		return;
	if (v->txn) {
		move(v->txn, txn);
		unref(v->txn);
	}
	txn->refs++;
	v->txn = txn;
	v->is_shared = true;
}

void dfl_verdict_over(struct dfl_trace *t, struct verdict *v, uint64_t ts_ns)
{
	dfl_verdict_tell(t, v, DFL_KEPT_UNKNOWN, ts_ns);
}

void dfl_verdict_fini(struct dfl_trace *t, struct verdict *v)
{
	if (v->txn && !v->is_shared)
		settle(t, v->txn, DFL_KEPT_UNKNOWN, t->now_ns);
	if (v->txn)
		unref(v->txn);
	v->txn = NULL;
	free(v->writes);
	v->writes = NULL;
}

/* ---- deposits ---- */

static void free_deposit(struct dfl_trace *t, struct deposit *d)
{
	if (d->txn)
		DL_DELETE(d->txn->deposits, d);
	if (d->item) {
		LL_DELETE2(d->item->deposits, d, next_of_item);
		if (!d->item->deposits)
			dfl_item_free(t, d->item);
	}
	free(d);
}

/*
 * At the limit the oldest one that is no longer open makes room. Returns 1: there was room; 0: one
 * was forgotten for it; -1: there is none.
 */
static int make_room(struct dfl_trace *t, struct deposit **list)
{
	struct deposit *d;
	unsigned n;

	LL_COUNT2(*list, d, n, next_of_hop);
	if (n < MAX_DEPOSITS)
		return 1;
	LL_FOREACH2(*list, d, next_of_hop)
	if (!d->txn)
		break;
	if (!d)
		return -1;
	LL_DELETE2(*list, d, next_of_hop);
	free_deposit(t, d);
	return 0;
}

static void join_txn(struct verdict *v, struct deposit *d)
{
	struct dfl_txn *txn = open_txn(v);

	if (txn) {
		d->kept = DFL_KEPT_ATTEMPTED;
		d->txn = txn;
		DL_APPEND(txn->deposits, d);
	} else if (v->txn) {
		d->kept = v->txn->kept;
		d->since_ns = v->txn->since_ns;
	} else {
		d->kept = v->kept == DFL_KEPT_ATTEMPTED ? DFL_KEPT_UNKNOWN : v->kept;
		d->since_ns = v->since_ns;
	}
}

bool dfl_deposit_add(struct dfl_trace *t, const struct deposit_add *a, struct deposit **list)
{
	struct deposit *d;
	int room;

	LL_FOREACH2(*list, d, next_of_hop)
	if (d->op == a->op)
		return true;
	room = make_room(t, list);
	d = room < 0 ? NULL : calloc(1, sizeof(*d));
	if (!d)
		return false;
	d->request = a->request;
	d->tc = a->tc;
	d->op = a->op;
	d->place = a->place;
	d->since_ns = a->ts_ns;
	if (a->ttl_s >= 0)
		d->expires_ns = a->ts_ns + (uint64_t)a->ttl_s * SECOND_NS;
	join_txn(a->verdict, d);
	LL_APPEND2(*list, d, next_of_hop);
	put_into_item(t, d, a->protocol, a->verdict->writes);
	if (!d->txn)
		catch_up(t, d);
	return room > 0;
}

void dfl_effects_free(struct dfl_trace *t)
{
	struct effect *f, *next;

	DL_FOREACH_SAFE(t->applied, f, next)
	free(f);
	t->applied = NULL;
}

void dfl_deposits_free(struct dfl_trace *t, struct deposit **list)
{
	struct deposit *d, *next;

	LL_FOREACH_SAFE2(*list, d, next, next_of_hop)
	free_deposit(t, d);
	*list = NULL;
}

/* The higher number decides. */
static unsigned weight(enum dfl_kept k)
{
	static const uint8_t weights[DFL_N_KEPT] = {
		[DFL_KEPT_NOT] = 0,	  [DFL_KEPT_REMOVED] = 1, [DFL_KEPT_EXPIRED] = 2,
		[DFL_KEPT_ATTEMPTED] = 3, [DFL_KEPT_UNKNOWN] = 4, [DFL_KEPT_PRESENT] = 5,
	};

	return weights[k];
}

enum dfl_kept dfl_kept_sum(enum dfl_kept a, enum dfl_kept b)
{
	return weight(a) > weight(b) ? a : b;
}

enum dfl_kept dfl_deposits_kept(const struct deposit *list, uint64_t now_ns, uint64_t *ret_since_ns)
{
	enum dfl_kept all = DFL_KEPT_NOT;
	const struct deposit *d;
	uint64_t since = 0;

	LL_FOREACH2(list, d, next_of_hop)
	{
		bool is_over = d->kept == DFL_KEPT_PRESENT && d->expires_ns &&
			       d->expires_ns < now_ns;
		enum dfl_kept kept = is_over ? DFL_KEPT_EXPIRED : d->kept;
		uint64_t at = is_over ? d->expires_ns : d->since_ns;

		if (weight(kept) > weight(all) || (kept == all && at > since)) {
			all = kept;
			since = at;
		}
	}
	*ret_since_ns = since;
	return all;
}
