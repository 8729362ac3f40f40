// SPDX-License-Identifier: Apache-2.0
/* Internet addresses and ranges of them. */
#include "base/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t v4_mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff }; /* RFC
										      4291 2.5.5.2
										    */

/* Bytes of `ip` that count. */
static size_t ip_len(const struct dfl_addr *a)
{
	return a->family == AF_INET ? 4 : a->family == AF_INET6 ? 16 : 0;
}

bool dfl_addr_eq(const struct dfl_addr *a, const struct dfl_addr *b)
{
	return a->port == b->port && a->family == b->family && !memcmp(a->ip, b->ip, ip_len(a));
}

bool dfl_addr_is_loopback(const struct dfl_addr *a)
{
	static const uint8_t one[16] = { [15] = 1 };

	if (a->family == AF_INET)
		return a->ip[0] == 127;
	return a->family == AF_INET6 && !memcmp(a->ip, one, sizeof(one));
}

const char *dfl_addr_ip_str(const struct dfl_addr *a, char buf[static DFL_ADDR_STRLEN])
{
	buf[0] = 0;
	if (a->family)
		inet_ntop(a->family, a->ip, buf, DFL_ADDR_STRLEN);
	return buf;
}

const char *dfl_addr_str(const struct dfl_addr *a, char buf[static DFL_ADDR_STRLEN])
{
	char ip[INET6_ADDRSTRLEN] = "";

	buf[0] = 0;
	if (!a->family)
		return buf;
	inet_ntop(a->family, a->ip, ip, sizeof(ip));
	snprintf(buf, DFL_ADDR_STRLEN, a->family == AF_INET6 ? "[%s]:%u" : "%s:%u", ip, a->port);
	return buf;
}

void dfl_addr_set(struct dfl_addr *a, int family, const void *ip, uint16_t port)
{
	const uint8_t *p = ip;

	memset(a, 0, sizeof(*a));
	a->port = port;
	if (family == AF_INET6 && !memcmp(p, v4_mapped, sizeof(v4_mapped))) {
		family = AF_INET;
		p += sizeof(v4_mapped);
	}
	if (family != AF_INET && family != AF_INET6)
		return;
	a->family = family;
	memcpy(a->ip, p, ip_len(a));
}

int dfl_network_parse(const char *text, struct dfl_network *ret_range)
{
	struct dfl_network r = { 0 };
	char ip[INET6_ADDRSTRLEN];
	uint8_t raw[16];
	size_t len = strcspn(text, "/");
	unsigned long bits;
	char *end;
	int family;

	if (len >= sizeof(ip))
		return -EINVAL;
	memcpy(ip, text, len);
	ip[len] = 0;
	family = strchr(ip, ':') ? AF_INET6 : AF_INET;
	if (inet_pton(family, ip, raw) != 1)
		return -EINVAL;
	r.base.family = family;
	memcpy(r.base.ip, raw, ip_len(&r.base));
	bits = 8 * ip_len(&r.base);
	if (text[len] == '/') {
		unsigned long n = strtoul(text + len + 1, &end, 10);

		if (end == text + len + 1 || *end || n > bits)
			return -EINVAL;
		bits = n;
	}
	r.prefix = bits;
	*ret_range = r;
	return 0;
}

bool dfl_network_has(const struct dfl_network *r, const struct dfl_addr *a)
{
	/* Whole bytes are compared as such, then the upper prefix % 8 bits of the next one. */
	size_t whole = r->prefix / 8;
	uint8_t mask = 0xff00 >> (r->prefix % 8);

	if (r->base.family != a->family || memcmp(r->base.ip, a->ip, whole))
		return false;
	return !(r->prefix % 8) || !((r->base.ip[whole] ^ a->ip[whole]) & mask);
}
