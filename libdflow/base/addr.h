/* SPDX-License-Identifier: Apache-2.0 */
/* Internet addresses and ranges of them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DFL_ADDR_STRLEN 64 /* "[ipv6]:port" and its NUL */

/* family 0: none known. IPv4 is in the first 4 bytes; v4-mapped IPv6 is stored as IPv4. */
struct dfl_addr {
	uint8_t family; /* AF_INET, AF_INET6 or 0 */
	uint8_t ip[16]; /* network order */
	uint16_t port;	/* host order */
};

struct dfl_network {
	struct dfl_addr base; /* port unused */
	uint8_t prefix;
};

bool dfl_addr_eq(const struct dfl_addr *a, const struct dfl_addr *b); /* with the port */
bool dfl_addr_is_loopback(const struct dfl_addr *a);
/* "203.0.113.9:443", "[2001:db8::1]:443", "" for none. Returns buf. */
const char *dfl_addr_str(const struct dfl_addr *a, char buf[static DFL_ADDR_STRLEN]);
/* The same without the port. */
const char *dfl_addr_ip_str(const struct dfl_addr *a, char buf[static DFL_ADDR_STRLEN]);
/* Stores v4-mapped IPv6 as IPv4. family AF_INET: 4 bytes at ip; AF_INET6: 16. */
void dfl_addr_set(struct dfl_addr *a, int family, const void *ip, uint16_t port);

/* "10.0.0.0/8", "fc00::/7", or one address. Returns 0 or -EINVAL. */
int dfl_network_parse(const char *text, struct dfl_network *ret_range);
bool dfl_network_has(const struct dfl_network *r, const struct dfl_addr *a);
