// SPDX-License-Identifier: Apache-2.0
/* Rules: the built-in table, the configuration, and what it says about bad files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <arpa/inet.h>

#include <cmocka.h>

#include "rules/rules.h"

static struct dfl_rules *load(const char *yaml, struct dfl_err *err, int *ret_r)
{
	char path[] = "/tmp/dflow-rules-XXXXXX";
	struct dfl_rules *rules = NULL;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, yaml, strlen(yaml)), (ssize_t)strlen(yaml));
	close(fd);
	*ret_r = dfl_rules_load(path, &rules, err);
	unlink(path);
	return rules;
}

static struct dfl_rules *load_ok(const char *yaml)
{
	struct dfl_err err = { "" };
	int r;
	struct dfl_rules *rules = load(yaml, &err, &r);

	if (r)
		fail_msg("%s", err.msg);
	return rules;
}

static struct dfl_addr addr(const char *ip, uint16_t port)
{
	struct dfl_network range;

	assert_int_equal(dfl_network_parse(ip, &range), 0);
	range.base.port = port;
	return range.base;
}

static void processes(void **state)
{
	static const struct {
		const char *exe, *cmdline, *image;
		enum dfl_station station;
	} cases[] = {
		{ "/usr/bin/python3.12",
		  "/app/api/.venv/bin/python /app/api/.venv/bin/gunicorn --bind 0.0.0.0:5001 "
		  "app:app",
		  "", DFL_ST_API },
		{ "/usr/bin/python3.12", "gunicorn: worker [app:app]", "", DFL_ST_API },
		{ "/usr/bin/python3.12",
		  "python /app/api/.venv/bin/celery -A celery_entrypoint.celery worker -P gevent "
		  "-c 1",
		  "", DFL_ST_WORKER },
		{ "/usr/bin/python3.12", "[celeryd: celery@host:MainProcess] -active- (worker)", "",
		  DFL_ST_WORKER },
		{ "/usr/bin/python3.12", "python3 -m celery -A app worker", "", DFL_ST_WORKER },
		{ "/app/main", "./main", "langgenius/dify-plugin-daemon:0.5.3-local",
		  DFL_ST_PLUGIN_DAEMON },
		{ "/srv/plugin-daemon", "/srv/plugin-daemon", "", DFL_ST_PLUGIN_DAEMON },
		{ "/usr/bin/python3.12", "/app/storage/cwd/x/.venv/bin/python -m main",
		  "langgenius/dify-plugin-daemon:0.5.3", DFL_ST_PLUGIN },
		{ "/main", "/main", "langgenius/dify-sandbox:0.2.12", DFL_ST_SANDBOX },
		{ "/usr/sbin/squid", "(squid-1) -NYC", "", DFL_ST_SSRF_PROXY },
		{ "/usr/sbin/nginx", "nginx: worker process", "", DFL_ST_ALB },
		{ "/usr/bin/node", "next-server (v15)", "", DFL_ST_WEB },
		{ "/usr/bin/redis-server", "redis-server *:6379", "", DFL_ST_REDIS },
		{ "/usr/lib/postgresql/15/bin/postgres", "postgres: dify dify [local] idle", "",
		  DFL_ST_POSTGRES },
		{ "/usr/bin/vim", "vim /etc/gunicorn.conf/x celery-notes", "", DFL_ST_UNKNOWN },
		{ "", "", "", DFL_ST_UNKNOWN },
	};
	struct dfl_rules *rules;

	assert_int_equal(dfl_rules_load(NULL, &rules, NULL), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct dfl_ev_proc p = { .pid = 1,
					 .exe = cases[i].exe,
					 .cmdline = cases[i].cmdline,
					 .image = cases[i].image };
		struct dfl_station_answer a = dfl_rules_process(rules, &p);

		if (a.station != cases[i].station)
			fail_msg("%s: rule %s", cases[i].cmdline, a.rule ? a.rule : "none");
		assert_true(!a.rule == (a.station == DFL_ST_UNKNOWN));
	}
	dfl_rules_free(rules);
}

struct peer_case {
	struct dfl_peer_facts facts;
	enum dfl_station station;
};

static void check_peers(const struct peer_case *cases, size_t n)
{
	struct dfl_rules *rules;

	assert_int_equal(dfl_rules_load(NULL, &rules, NULL), 0);
	for (size_t i = 0; i < n; i++) {
		struct dfl_station_answer a = dfl_rules_peer(rules, &cases[i].facts);

		if (a.station != cases[i].station)
			fail_msg("case %zu: rule %s", i, a.rule ? a.rule : "none");
	}
	dfl_rules_free(rules);
}

static void peers_by_address(void **state)
{
	struct dfl_addr api = addr("10.0.0.5", 5001), daemon = addr("10.0.0.5", 5002);
	const struct peer_case cases[] = {
		{ { .addr = &api, .fd = -1 }, DFL_ST_API },
		{ { .addr = &daemon, .fd = -1 }, DFL_ST_PLUGIN_DAEMON },
		{ { .addr = &daemon, .fd = -1, .is_client = true }, DFL_ST_UNKNOWN },
	};

	check_peers(cases, sizeof(cases) / sizeof(cases[0]));
}

static void peers_by_name(void **state)
{
	static const struct peer_case cases[] = {
		{ { .name = "API.OpenAI.com", .fd = -1 }, DFL_ST_LLM },
		{ { .name = "api.anthropic.com", .fd = -1 }, DFL_ST_LLM },
		{ { .name = "bedrock-runtime.us-east-1.amazonaws.com", .fd = -1 }, DFL_ST_LLM },
		{ { .name = "docs.s3.eu-west-1.amazonaws.com", .fd = -1 }, DFL_ST_S3 },
		{ { .name = "s3.stack.test", .fd = -1 }, DFL_ST_S3 },
		{ { .name = "secretsmanager.eu-west-1.amazonaws.com", .fd = -1 },
		  DFL_ST_SECRETS_MANAGER },
		{ { .name = "kms.eu-west-1.amazonaws.com", .fd = -1 }, DFL_ST_KMS },
		{ { .name = "cloud.langfuse.com", .fd = -1 }, DFL_ST_TELEMETRY },
		{ { .name = "example.org", .fd = -1 }, DFL_ST_UNKNOWN },
	};

	check_peers(cases, sizeof(cases) / sizeof(cases[0]));
}

static void peers_by_protocol(void **state)
{
	struct dfl_addr pg = addr("10.0.0.7", 15432);
	const struct peer_case cases[] = {
		{ { .protocol = "redis", .fd = -1 }, DFL_ST_REDIS },
		{ { .protocol = "postgres", .addr = &pg, .fd = -1 }, DFL_ST_POSTGRES },
		{ { .protocol = "dns", .fd = -1 }, DFL_ST_OTHER },
		{ { .protocol = "http", .operation = "POST /v1/chat/completions", .fd = -1 },
		  DFL_ST_LLM },
		{ { .protocol = "http", .operation = "POST /v1/embeddings", .fd = -1 },
		  DFL_ST_EMBEDDING },
		{ { .protocol = "redis",
		    .operation = "BRPOP",
		    .place = "workflow_based_app_execution",
		    .fd = -1,
		    .is_client = true },
		  DFL_ST_WORKER },
		{ { .protocol = "redis",
		    .operation = "PUBLISH",
		    .place = "channel:advanced-chat:{workflow_run_id}",
		    .fd = -1,
		    .is_client = true },
		  DFL_ST_WORKER },
		{ { .protocol = "redis",
		    .operation = "LPUSH",
		    .place = "workflow_based_app_execution",
		    .fd = -1,
		    .is_client = true },
		  DFL_ST_API },
		{ { .protocol = "redis",
		    .operation = "SUBSCRIBE",
		    .place = "channel:advanced-chat:{workflow_run_id}",
		    .fd = -1,
		    .is_client = true },
		  DFL_ST_API },
		{ { .protocol = "redis",
		    .operation = "GET",
		    .place = "*",
		    .fd = -1,
		    .is_client = true },
		  DFL_ST_UNKNOWN },
		{ { .protocol = "http",
		    .operation = "POST /v1/chat-messages",
		    .forwarded = true,
		    .fd = -1,
		    .is_client = true },
		  DFL_ST_ALB },
		{ { .protocol = "http",
		    .operation = "POST /v1/chat-messages",
		    .fd = -1,
		    .is_client = true },
		  DFL_ST_BROWSER },
	};

	check_peers(cases, sizeof(cases) / sizeof(cases[0]));
}

static void peers_by_medium(void **state)
{
	static const struct peer_case cases[] = {
		{ { .medium = DFL_PIPE, .fd = 1 }, DFL_ST_LOGS },
		{ { .medium = DFL_PIPE, .fd = 5 }, DFL_ST_UNKNOWN },
		{ { .medium = DFL_FILE, .fd = 5, .path = "/app/logs/server.log" }, DFL_ST_LOGS },
		{ { .medium = DFL_FILE, .fd = 5, .path = "/app/storage/x.bin" }, DFL_ST_FILE },
		{ { .medium = DFL_TCP, .fd = 1 }, DFL_ST_UNKNOWN },
	};

	check_peers(cases, sizeof(cases) / sizeof(cases[0]));
}

static void places_of_addresses(void **state)
{
	struct dfl_addr in = addr("172.31.255.255", 80), out = addr("172.32.0.0", 80),
			v6 = addr("fd00::1", 1), doc = addr("2001:db8::1", 1),
			lo = addr("127.0.0.1", 1), none = { 0 };
	struct dfl_rules *rules;

	assert_int_equal(dfl_rules_load(NULL, &rules, NULL), 0);
	assert_int_equal(dfl_rules_in_vpc(rules, &in), 1);
	assert_int_equal(dfl_rules_in_vpc(rules, &out), 0);
	assert_int_equal(dfl_rules_in_vpc(rules, &v6), 1);
	assert_int_equal(dfl_rules_in_vpc(rules, &doc), 0);
	assert_int_equal(dfl_rules_in_vpc(rules, &lo), 1);
	assert_int_equal(dfl_rules_in_vpc(rules, &none), -1);
	assert_int_equal(dfl_rules_in_vpc(rules, NULL), -1);
	assert_null(dfl_rules_name(rules, &in));
	assert_string_equal(
		dfl_rules_region(rules, NULL, "bedrock-runtime.us-east-1.amazonaws.com"),
		"us-east-1");
	assert_string_equal(
		dfl_rules_region(rules, NULL, "db.cluster-x.eu-west-1.rds.amazonaws.com"),
		"eu-west-1");
	assert_string_equal(
		dfl_rules_region(rules, NULL, "master.x.k3x9ab.apne1.cache.amazonaws.com"),
		"ap-northeast-1");
	assert_string_equal(dfl_rules_region(rules, NULL, "x.0001.use1.cache.amazonaws.com"),
			    "us-east-1");
	assert_string_equal(dfl_rules_region(rules, NULL, "x.0001.usgw1.cache.amazonaws.com"),
			    "us-gov-west-1");
	assert_null(dfl_rules_region(rules, NULL, "use1.s3.amazonaws.com"));
	assert_null(dfl_rules_region(rules, NULL, "s3.amazonaws.com"));
	assert_null(dfl_rules_region(rules, NULL, "us-east-1.example.org"));
	assert_null(dfl_rules_region(rules, &in, NULL));
	dfl_rules_free(rules);
}

static void configuration(void **state)
{
	struct dfl_rules *rules = load_ok(
		"vpc: [203.0.113.0/24]\n"
		"names:\n"
		"  - {address: 203.0.113.9, name: llm.corp}\n"
		"regions:\n"
		"  - {match: 203.0.113.0/28, region: tokyo-dc}\n"
		"  - {match: '*.corp', region: osaka-dc}\n"
		"stations:\n"
		"  - name: corp-llm\n"
		"    station: llm\n"
		"    host: 'llm.corp|llm2.corp'\n"
		"    port: 8443\n"
		"  - {name: legacy, station: vector-db, address: 198.51.100.0/24|2001:db8::/32}\n"
		"  - {name: our-api, station: api, program: my-api}\n"
		"settings: {settle_seconds: 1.5, keep_client_address: false, max_open_traces: "
		"7}\n");
	struct dfl_addr a = addr("203.0.113.9", 8443), b = addr("198.51.100.3", 1),
			c = addr("10.0.0.1", 8443);
	struct dfl_peer_facts facts = { .addr = &a, .name = "llm.corp", .fd = -1 };
	struct dfl_ev_proc proc = { .cmdline = "/bin/my-api --key x" };

	assert_string_equal(dfl_rules_peer(rules, &facts).rule, "corp-llm");
	facts.name = "other.corp";
	assert_null(dfl_rules_peer(rules, &facts).rule);
	facts.addr = &b;
	assert_int_equal(dfl_rules_peer(rules, &facts).station, DFL_ST_VECTOR_DB);
	assert_string_equal(dfl_rules_process(rules, &proc).rule, "our-api");
	assert_int_equal(dfl_rules_in_vpc(rules, &a), 1);
	assert_int_equal(dfl_rules_in_vpc(rules, &c), 0);
	assert_string_equal(dfl_rules_name(rules, &a), "llm.corp");
	assert_string_equal(dfl_rules_region(rules, &a, NULL), "tokyo-dc");
	assert_string_equal(dfl_rules_region(rules, NULL, "x.corp"), "osaka-dc");
	assert_true(dfl_rules_settings(rules)->settle_ns == 1500000000);
	assert_false(dfl_rules_settings(rules)->keep_client_address);
	assert_int_equal(dfl_rules_settings(rules)->max_open_traces, 7);
	assert_true(dfl_rules_settings(rules)->max_open_ns == 900000000000);
	dfl_rules_free(rules);
	dfl_rules_free(load_ok("# nothing\n"));
}

static void complaints(void **state)
{
	static const struct {
		const char *yaml, *says;
	} cases[] = {
		{ "stations:\n  - name: x\n    station: moon\n", ":3: 'moon' is no station" },
		{ "stations:\n  - name: x\n    station: llm\n", ":2: rule 'x' asks about nothing" },
		{ "stations:\n  - name: x\n    station: llm\n    exe: a\n    host: b\n",
		  ":2: rule 'x' asks about a process and about a peer" },
		{ "stations:\n  - station: llm\n    host: b\n", ":2: a rule needs 'name'" },
		{ "stations:\n  - name: x\n    station: llm\n    address: 10.0.0.0/99\n",
		  "'10.0.0.0/99' is no address" },
		{ "stations:\n  - name: x\n    station: llm\n    host: 'a||b'\n",
		  "'host': each pattern" },
		{ "vpc:\n  - 10.0.0.0/8\n  - nonsense\n", ":3: 'nonsense' is no address" },
		{ "vpc: 10.0.0.0/8\n", ":1: a list is expected" },
		{ "\nvcp: []\n", ":2: unknown key 'vcp'" },
		{ "vpc: []\nvpc: []\n", ":2: key 'vpc' stands here twice" },
		{ "settings: {settle_seconds: soon}\n", ":1: a number from 0" },
		{ "settings: {settle_seconds: nan}\n", ":1: a number from 0" },
		{ "settings: {max_open_traces: 0}\n", ":1: at least 1" },
		{ "settings: {keep_client_address: 1}\n", ":1: true or false" },
		{ "names:\n  - {name: x}\n", ":2: a name needs" },
		{ "regions:\n  - {match: x}\n", ":2: a region needs" },
		{ "a: [\n\n", "not YAML" },
		{ "- a\n", ":1: 'key: value' lines" },
		{ "? {a: b}\n: c\n", "unknown key" },
		{ "a: &a [*a]\n", "unknown key 'a'" },
		{ "stations: &a [*a]\n", "'key: value' lines" },
		{ "stations:\n  - {name: \"a\\0b\", station: llm, host: x}\n",
		  ":2: a text is expected" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct dfl_err err = { "" };
		int r;

		assert_null(load(cases[i].yaml, &err, &r));
		assert_int_equal(r, -EINVAL);
		if (!strstr(err.msg, cases[i].says))
			fail_msg("case %zu says: %s", i, err.msg);
	}
}

static void unreadable(void **state)
{
	struct dfl_rules *rules = NULL;
	struct dfl_err err = { "" };

	assert_int_equal(dfl_rules_load("/nonexistent/dflow.yaml", &rules, &err), -ENOENT);
	assert_non_null(strstr(err.msg, "/nonexistent/dflow.yaml"));
	assert_int_equal(dfl_rules_load("/", &rules, &err), -EINVAL);
	assert_null(rules);
}

/* Every truncation and every flipped byte of a good file: an answer, never a crash. */
static void hostile(void **state)
{
	static const char good[] =
		"stations:\n - {name: x, station: llm, host: 'a|b', port: 1}\nvpc: [10.0.0.0/8]\n"
		"names: [{address: 10.1.1.1, name: n}]\nsettings: {settle_seconds: 2}\n";
	char bad[sizeof(good)];
	int r;

	for (size_t i = 0; i < sizeof(good) - 1; i++) {
		memcpy(bad, good, sizeof(good));
		bad[i] = 0;
		dfl_rules_free(load(bad, NULL, &r));
		for (int flip = 1; flip < 256; flip <<= 1) {
			memcpy(bad, good, sizeof(good));
			bad[i] ^= flip;
			dfl_rules_free(load(bad, NULL, &r));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(processes),	   cmocka_unit_test(peers_by_address),
		cmocka_unit_test(peers_by_name),   cmocka_unit_test(peers_by_protocol),
		cmocka_unit_test(peers_by_medium), cmocka_unit_test(places_of_addresses),
		cmocka_unit_test(configuration),   cmocka_unit_test(complaints),
		cmocka_unit_test(unreadable),	   cmocka_unit_test(hostile),
	};

	return cmocka_run_group_tests_name("rules", tests, NULL, NULL);
}
