// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * Plaintext at OpenSSL's calls. A write is told at its first entry, because a retried one is
 * complete only at the last retry and may never be; a read at its return. Bytes are numbered per
 * TLS object and direction, and the number goes on when a record is lost. The socket is learnt from
 * the system calls nested inside (io.bpf.c).
 */
#include "emit.bpf.h"

static __always_inline struct ssl_info *ssl_info(const struct ssl_key *key)
{
	struct ssl_info fresh = {}, *s = bpf_map_lookup_elem(&ssls, key);

	if (s)
		return s;
	fresh.born_ns = bpf_ktime_get_ns();
	bpf_map_update_elem(&ssls, key, &fresh, BPF_NOEXIST);
	s = bpf_map_lookup_elem(&ssls, key);
	if (!s)
		count_drop(DFL_K_DROP_TABLE, 1, 0);
	return s;
}

static __always_inline struct tls_call *my_call(u64 id)
{
	struct tls_call *t = bpf_map_lookup_elem(&tls_calls, &id);
	static const struct tls_call fresh;

	if (t)
		return t;
	bpf_map_update_elem(&tls_calls, &id, &fresh, BPF_ANY);
	t = bpf_map_lookup_elem(&tls_calls, &id);
	if (!t)
		count_drop(DFL_K_DROP_TABLE, 1, 0);
	return t;
}

static __always_inline void emit_plain(struct tls_call *t, u64 id, u64 buf, u64 len, u64 pos,
				       bool out)
{
	struct call *c = &t->c;

	__builtin_memset(c, 0, sizeof(*c));
	c->d.head.seq_class = DFL_K_SEQ_TLS;
	c->d.call = (1ull << 63) | (bpf_ktime_get_ns() << 8) | (bpf_get_smp_processor_id() & 0xff);
	c->d.pos = pos;
	c->d.ssl = t->key.ssl;
	c->d.ssl_born_ns = t->born_ns;
	c->d.pid = id >> 32;
	c->d.tid = id;
	c->d.fd = -1;
	c->d.layer = 1;
	c->d.out = out;
	c->d.flags = DFL_K_POS | DFL_K_FIRST;
	c->cap = cfg_copy_cap;
	c->base = buf;
	c->blen = c->left = len;
	emit_all(1, c);
}

static __noinline int entered(struct tls_call *t, u64 id)
{
	struct ssl_info *s = ssl_info(&t->key);
	u64 told;

	if (!s)
		return 0;
	t->born_ns = s->born_ns;
	t->active = 1;
	count_stat(DFL_K_STAT_TLS_CALLS);
	if (t->dir != TLS_WRITE)
		return 0;
	told = s->pending;
	if (told)
		count_stat(DFL_K_STAT_TLS_RETRY);
	if (t->num <= told)
		return 0;
	s->pending = t->num;
	emit_plain(t, id, t->buf + told, t->num - told, s->out_pos + told, true);
	return 0;
}

static __always_inline int enter(u64 ssl, u64 buf, u64 num, u64 ret_ptr, u8 dir, u8 ex)
{
	u64 id = bpf_get_current_pid_tgid();
	struct tls_call *t = my_call(id);

	if (!t)
		return 0;
	t->key.ssl = ssl;
	t->key.pid = id >> 32;
	t->key.pad = 0;
	t->buf = buf;
	t->num = num;
	t->ret_ptr = ret_ptr;
	t->sock_ino = 0;
	t->dir = dir;
	t->ex = ex;
	return entered(t, id);
}

/*
 * Ciphertext on the socket needs no copy from now on, while it passes inside this object's calls.
 */
static __always_inline void cover(struct tls_call *t, struct ssl_info *s)
{
	struct sock_info *si = bpf_map_lookup_elem(&socks, &s->sock_ino);

	if (!si)
		return;
	si->tls_born_ns = t->born_ns;
	si->tls_pid = t->key.pid;
	si->tls_ssl = t->key.ssl;
}

static __always_inline u64 bytes_done(struct tls_call *t, s64 rc)
{
	u64 n = 0;

	if (!t->ex)
		return (s32)rc > 0 ? (s32)rc : 0;
	if ((s32)rc != 1)
		return 0;
	if (bpf_probe_read_user(&n, sizeof(n), (void *)t->ret_ptr))
		count_drop(DFL_K_DROP_FAULT, 1, 0);
	return n;
}

static __always_inline int leave(s64 rc)
{
	u64 id = bpf_get_current_pid_tgid(), n;
	struct tls_call *t = bpf_map_lookup_elem(&tls_calls, &id);
	struct ssl_info *s;

	if (!t || !t->active)
		return 0;
	t->active = 0;
	s = bpf_map_lookup_elem(&ssls, &t->key);
	if (!s || s->born_ns != t->born_ns)
		return 0;
	if (t->dir == TLS_HANDSHAKE) {
		if ((s32)rc == 1)
			cover(t, s);
		return 0;
	}
	n = bytes_done(t, rc);
	if (!n)
		return 0;
	cover(t, s);
	if (t->dir == TLS_WRITE) { /* after a partial write the rest comes again, as a new call */
		s->pending = 0;
		s->out_pos += n;
		return 0;
	}
	s->in_pos += n;
	emit_plain(t, id, t->buf, n, s->in_pos - n, false);
	return 0;
}

/*
 * SSL_free, SSL_set_bio: what comes under this address is another object. (SSL_clear is no such
 * sign: a handshake begins with it.)
 */
static __always_inline int forget(u64 ssl)
{
	struct ssl_key key = { .ssl = ssl, .pid = bpf_get_current_pid_tgid() >> 32 };
	struct ssl_info *s = bpf_map_lookup_elem(&ssls, &key);
	struct sock_info *si;

	if (!s)
		return 0;
	si = bpf_map_lookup_elem(&socks, &s->sock_ino);
	if (si && si->tls_ssl == ssl && si->tls_pid == key.pid)
		si->tls_ssl = 0;
	bpf_map_delete_elem(&ssls, &key);
	return 0;
}

/*
 * One program for all functions where one link can carry many probes (Linux 6.6): load.c chooses.
 */
SEC("uprobe")
int BPF_KPROBE(dfl_ssl_multi, u64 ssl, u64 buf, u64 num, u64 ret_ptr)
{
	s32 n = num;

	switch (bpf_get_attach_cookie(ctx)) {
	case DFL_K_SSL_READ:
		return enter(ssl, buf, n, 0, TLS_READ, 0);
	case DFL_K_SSL_WRITE:
		return enter(ssl, buf, n > 0 ? n : 0, 0, TLS_WRITE, 0);
	case DFL_K_SSL_READ_EX:
		return enter(ssl, buf, num, ret_ptr, TLS_READ, 1);
	case DFL_K_SSL_WRITE_EX:
		return enter(ssl, buf, num, ret_ptr, TLS_WRITE, 1);
	case DFL_K_SSL_HANDSHAKE:
		return enter(ssl, 0, 0, 0, TLS_HANDSHAKE, 0);
	default:
		return forget(ssl);
	}
}

SEC("uretprobe")
int BPF_KRETPROBE(dfl_ssl_multi_ret, long rc)
{
	return leave(rc);
}

/* And one for each where a probe is a link of its own. */
SEC("uprobe")
int BPF_KPROBE(dfl_ssl_read, u64 ssl, u64 buf, int num)
{
	return enter(ssl, buf, num, 0, TLS_READ, 0);
}

SEC("uprobe")
int BPF_KPROBE(dfl_ssl_write, u64 ssl, u64 buf, int num)
{
	return enter(ssl, buf, num > 0 ? num : 0, 0, TLS_WRITE, 0);
}

SEC("uprobe")
int BPF_KPROBE(dfl_ssl_read_ex, u64 ssl, u64 buf, u64 num, u64 ret_ptr)
{
	return enter(ssl, buf, num, ret_ptr, TLS_READ, 1);
}

SEC("uprobe")
int BPF_KPROBE(dfl_ssl_write_ex, u64 ssl, u64 buf, u64 num, u64 ret_ptr)
{
	return enter(ssl, buf, num, ret_ptr, TLS_WRITE, 1);
}

SEC("uprobe")
int BPF_KPROBE(dfl_ssl_handshake, u64 ssl)
{
	return enter(ssl, 0, 0, 0, TLS_HANDSHAKE, 0);
}

SEC("uretprobe")
int BPF_KRETPROBE(dfl_ssl_ret, long rc)
{
	return leave(rc);
}

SEC("uprobe")
int BPF_KPROBE(dfl_ssl_forget, u64 ssl)
{
	return forget(ssl);
}
