// SPDX-License-Identifier: Apache-2.0
/* Addresses and ranges. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "base/addr.h"

static struct dfl_addr addr(const char *text, uint16_t port)
{
	struct dfl_addr a;
	uint8_t raw[16];

	if (strchr(text, ':')) {
		assert_int_equal(inet_pton(AF_INET6, text, raw), 1);
		dfl_addr_set(&a, AF_INET6, raw, port);
	} else {
		assert_int_equal(inet_pton(AF_INET, text, raw), 1);
		dfl_addr_set(&a, AF_INET, raw, port);
	}
	return a;
}

static bool in(const char *range, const char *text)
{
	struct dfl_addr a = addr(text, 0);
	struct dfl_network r;

	assert_int_equal(dfl_network_parse(range, &r), 0);
	return dfl_network_has(&r, &a);
}

static void test_text(void **state)
{
	struct dfl_addr v4 = addr("203.0.113.9", 443), v6 = addr("2001:db8::1", 53), none = { 0 };
	char buf[DFL_ADDR_STRLEN];

	assert_string_equal(dfl_addr_str(&v4, buf), "203.0.113.9:443");
	assert_string_equal(dfl_addr_str(&v6, buf), "[2001:db8::1]:53");
	assert_string_equal(dfl_addr_ip_str(&v6, buf), "2001:db8::1");
	assert_string_equal(dfl_addr_str(&none, buf), "");
}

static void test_mapped_is_v4(void **state)
{
	struct dfl_addr mapped = addr("::ffff:10.0.0.1", 80), v4 = addr("10.0.0.1", 80);

	assert_true(dfl_addr_eq(&mapped, &v4));
	assert_int_equal(mapped.family, AF_INET);
}

static void test_ranges(void **state)
{
	assert_true(in("10.0.0.0/8", "10.255.0.1"));
	assert_false(in("10.0.0.0/8", "11.0.0.1"));
	assert_true(in("172.16.0.0/12", "172.31.255.255"));
	assert_false(in("172.16.0.0/12", "172.32.0.0"));
	assert_true(in("fc00::/7", "fd12::1"));
	assert_false(in("fc00::/7", "fe80::1"));
	assert_true(in("0.0.0.0/0", "8.8.8.8"));
	assert_false(in("0.0.0.0/0", "::1"));
	assert_true(in("192.0.2.7", "192.0.2.7"));
	assert_false(in("192.0.2.7", "192.0.2.6"));
	assert_true(in("192.0.2.0/31", "192.0.2.1"));
}

static void test_bad_ranges(void **state)
{
	static const char *const bad[] = {
		"",
		"10.0.0.0/33",
		"10.0.0.0/",
		"10.0.0.0/x",
		"10.0.0/8",
		"fc00::/129",
		"hello",
		"10.0.0.0/8 ",
		"1111:2222:3333:4444:5555:6666:7777:8888:9999:0000:1111:2222"
	};
	struct dfl_network r;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(dfl_network_parse(bad[i], &r), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_mapped_is_v4),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_bad_ranges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
