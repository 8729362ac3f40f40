// SPDX-License-Identifier: Apache-2.0
/* Makes streams of protocols that dflow does not read. Each function names the document it follows.
 */
#include "foreign.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Bytes that are being put together. */
struct bytes {
	size_t len;
	uint8_t data[4096];
};

static void put(struct bytes *b, const void *data, size_t len)
{
	memcpy(b->data + b->len, data, len);
	b->len += len;
}

static void put_str(struct bytes *b, const char *s)
{
	put(b, s, strlen(s));
}

/* With its NUL. */
static void put_cstr(struct bytes *b, const char *s)
{
	put(b, s, strlen(s) + 1);
}

/* The lowest n bytes of v, lowest first. */
static void put_le(struct bytes *b, uint64_t v, int n)
{
	for (int i = 0; i < n; i++)
		b->data[b->len++] = (uint8_t)(v >> 8 * i);
}

static void put_be(struct bytes *b, uint64_t v, int n)
{
	while (n--)
		b->data[b->len++] = (uint8_t)(v >> 8 * n);
}

static void put_fill(struct bytes *b, uint8_t c, size_t n)
{
	memset(b->data + b->len, c, n);
	b->len += n;
}

static uint64_t random_state;

/* xorshift64 (Marsaglia 2003): the same numbers in every run. */
static uint64_t next_random(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static void put_random(struct bytes *b, size_t n)
{
	while (n--)
		b->data[b->len++] = (uint8_t)(next_random() >> 24);
}

static size_t tcp(struct tape *t, uint16_t port)
{
	return tape_conn(t, DFL_TCP, NULL, -1, port);
}

static void client(struct tape *t, size_t conn, const struct bytes *b)
{
	tape_put(t, conn, DFL_REQUEST, b->data, b->len, DFL_WIRE);
}

static void server(struct tape *t, size_t conn, const struct bytes *b)
{
	tape_put(t, conn, DFL_RESPONSE, b->data, b->len, DFL_WIRE);
}

/* Lines of a text protocol: "> …" of the client, "< …" of the server, without their CR LF. */
static void dialog(struct tape *t, uint16_t port, const char *const *lines)
{
	size_t conn = tcp(t, port);

	for (; *lines; lines++) {
		struct bytes b = { 0 };

		put_str(&b, *lines + 2);
		put_str(&b, "\r\n");
		if (**lines == '>')
			client(t, conn, &b);
		else
			server(t, conn, &b);
	}
}

/* dev.mysql.com, "MySQL Client/Server Protocol": a packet is length (3, little-endian), number,
 * payload. */
static void mysql_packet(struct bytes *b, uint8_t number, const struct bytes *payload)
{
	put_le(b, payload->len, 3);
	put_le(b, number, 1);
	put(b, payload->data, payload->len);
}

static void mysql_send(struct tape *t, size_t conn, enum dfl_dir dir, uint8_t number,
		       const struct bytes *payload)
{
	struct bytes b = { 0 };

	mysql_packet(&b, number, payload);
	tape_put(t, conn, dir, b.data, b.len, DFL_WIRE);
}

/* Protocol::HandshakeV10; the version is drawn out so that the length byte takes every value. */
static void mysql_greeting(struct tape *t, size_t conn, const char *version, int pad)
{
	struct bytes p = { 0 };

	put_le(&p, 10, 1);
	put_str(&p, version);
	put_fill(&p, 'x', (size_t)pad);
	put_le(&p, 0, 1);
	put_le(&p, 1000 + (uint64_t)pad, 4);
	put_cstr(&p, "ABCDEFGH");
	put_le(&p, 0xffff, 2);
	put_le(&p, 0xff, 1);
	put_le(&p, 2, 2);
	put_le(&p, 0xdfff, 2);
	put_le(&p, 21, 1);
	put_fill(&p, 0, 10);
	put_cstr(&p, "IJKLMNOPQRST");
	put_cstr(&p, "caching_sha2_password");
	mysql_send(t, conn, DFL_RESPONSE, 0, &p);
}

/* Protocol::HandshakeResponse41 and its OK. */
static void mysql_login(struct tape *t, size_t conn, int pad)
{
	struct bytes p = { 0 }, ok = { 0 };

	put_le(&p, 0x19ffa685, 4);
	put_le(&p, 1 << 24, 4);
	put_le(&p, 255, 1);
	put_fill(&p, 0, 23);
	put_str(&p, "dify");
	put_fill(&p, 'u', (size_t)pad);
	put_le(&p, 0, 1);
	put_le(&p, 20, 1);
	put_random(&p, 20);
	put_cstr(&p, "dify");
	put_cstr(&p, "mysql_native_password");
	mysql_send(t, conn, DFL_REQUEST, 1, &p);
	put_le(&ok, 2 << 24, 7);
	mysql_send(t, conn, DFL_RESPONSE, 2, &ok);
}

/* COM_QUERY (3), COM_STMT_PREPARE (22) and others that carry text, and an answer of one row. */
static void mysql_command(struct tape *t, size_t conn, uint8_t command, int pad)
{
	struct bytes p = { 0 }, all = { 0 }, row = { 0 }, one = { 0 };

	put_le(&p, command, 1);
	put_str(&p, "SELECT query FROM messages WHERE id = '");
	put_fill(&p, 'a', (size_t)pad);
	mysql_send(t, conn, DFL_REQUEST, 0, &p);
	put_le(&one, 1, 1);
	mysql_packet(&all, 1, &one);
	put_le(&row, (uint64_t)pad, 1);
	put_fill(&row, 'q', (size_t)pad);
	mysql_packet(&all, 2, &row);
	server(t, conn, &all);
}

/* COM_STMT_EXECUTE: statement, flags, iterations, NULL bitmap, types, one string. */
static void mysql_execute(struct tape *t, size_t conn, int pad)
{
	struct bytes p = { 0 };

	put_le(&p, 23, 1);
	put_le(&p, 1, 4);
	put_le(&p, 0, 1);
	put_le(&p, 1, 4);
	put_le(&p, 0x01fe0100, 4);
	put_le(&p, (uint64_t)pad, 1);
	put_fill(&p, 'v', (size_t)pad);
	mysql_send(t, conn, DFL_REQUEST, 0, &p);
}

static void mysql(struct tape *t)
{
	static const char *const versions[] = { "5.7.44", "8.0.36", "8.4.0", "9.1.0",
						"5.5.5-10.11.6-MariaDB-0+deb12u1" };

	random_state = 1;
	for (int pad = 0; pad < 140; pad++) {
		size_t conn = tcp(t, 3306);

		mysql_greeting(t, conn, versions[pad % 5], pad);
		mysql_login(t, conn, pad);
		mysql_command(t, conn, pad % 2 ? 3 : 22, pad);
		mysql_execute(t, conn, pad);
		mysql_command(t, conn, (uint8_t)(pad % 32), pad);
	}
	/* commands of which length and number look like another protocol's type and length */
	for (const char *type = "QPBEDCSHXFdcfpRKTZNIAGWnst"; *type; type++)
		for (uint8_t command = 0; command < 32; command++)
			mysql_command(t, tcp(t, 3306), command, *type - 40);
	/* rows in the middle of a result, whatever their length and number */
	for (int n = 0; n < 800; n++) {
		size_t conn = tcp(t, 3306);
		struct bytes row = { 0 };

		put_le(&row, (uint64_t)(n % 240), 1);
		put_fill(&row, (uint8_t)('A' + n % 50), (size_t)(n % 240));
		mysql_send(t, conn, DFL_RESPONSE, (uint8_t)(n * 7), &row);
	}
}

/* mongodb.com, "Wire Protocol": length, request, response to, opcode; all of 4 bytes,
 * little-endian. */
static void mongo_message(struct tape *t, size_t conn, enum dfl_dir dir, uint32_t request,
			  uint32_t opcode, const struct bytes *body)
{
	struct bytes b = { 0 };

	put_le(&b, 16 + body->len, 4);
	put_le(&b, request, 4);
	put_le(&b, dir == DFL_RESPONSE ? request - 1 : 0, 4);
	put_le(&b, opcode, 4);
	put(&b, body->data, body->len);
	tape_put(t, conn, dir, b.data, b.len, DFL_WIRE);
}

/* bsonspec.org: {"hello": 1, "$db": text} */
static void put_bson(struct bytes *b, int pad)
{
	struct bytes d = { 0 };

	put_le(&d, 16, 1);
	put_cstr(&d, "hello");
	put_le(&d, 1, 4);
	put_le(&d, 2, 1);
	put_cstr(&d, "$db");
	put_le(&d, (uint64_t)pad + 1, 4);
	put_fill(&d, 'd', (size_t)pad);
	put_le(&d, 0, 2);
	put_le(b, d.len + 4, 4);
	put(b, d.data, d.len);
}

static void mongodb(struct tape *t)
{
	for (int pad = 0; pad < 300; pad++) {
		size_t conn = tcp(t, 27017);
		struct bytes query = { 0 }, msg = { 0 }, reply = { 0 };

		put_le(&query, 0, 4);
		put_cstr(&query, "admin.$cmd");
		put_le(&query, 0xffffffff00000000, 8);
		put_bson(&query, pad);
		mongo_message(t, conn, DFL_REQUEST, (uint32_t)pad, 2004, &query);
		put_le(&reply, 8, 4);
		put_fill(&reply, 0, 12);
		put_le(&reply, 1, 4);
		put_bson(&reply, pad);
		mongo_message(t, conn, DFL_RESPONSE, (uint32_t)pad + 1, 1, &reply);
		put_le(&msg, 0, 5);
		put_bson(&msg, pad);
		mongo_message(t, conn, DFL_REQUEST, (uint32_t)pad % 40, 2013, &msg);
		mongo_message(t, conn, DFL_RESPONSE, (uint32_t)pad * 13, 2013, &msg);
	}
}

/* AMQP 0-9-1, 2.3: type, channel, size, payload, 0xce. */
static void amqp_frame(struct bytes *b, uint8_t type, uint16_t channel, const struct bytes *payload)
{
	put_be(b, type, 1);
	put_be(b, channel, 2);
	put_be(b, payload->len, 4);
	put(b, payload->data, payload->len);
	put_be(b, 0xce, 1);
}

static void amqp_send(struct tape *t, size_t conn, enum dfl_dir dir, uint8_t type, uint16_t channel,
		      uint32_t method, const char *text)
{
	struct bytes p = { 0 }, b = { 0 };

	if (type == 1)
		put_be(&p, method, 4);
	put_str(&p, text);
	amqp_frame(&b, type, channel, &p);
	tape_put(t, conn, dir, b.data, b.len, DFL_WIRE);
}

static void amqp(struct tape *t)
{
	for (uint16_t channel = 0; channel < 120; channel++) {
		size_t conn = tcp(t, 5672);
		struct bytes hello = { 0 };

		put(&hello, channel % 2 ? "AMQP\0\0\11\1" : "AMQP\0\1\0\0", 8);
		client(t, conn, &hello);
		amqp_send(t, conn, DFL_RESPONSE, 1, 0, 0x000a000a,
			  "\1\11 capabilities PLAIN AMQPLAIN en_US");
		amqp_send(t, conn, DFL_REQUEST, 1, 0, 0x000a000b, "PLAIN guest guest en_US");
		amqp_send(t, conn, DFL_REQUEST, 1, channel, 0x003c0028, "exchange routing.key");
		amqp_send(t, conn, DFL_REQUEST, 3, channel, 0,
			  "{\"query\": \"text of a message\"}");
		amqp_send(t, conn, DFL_RESPONSE, 8, 0, 0, "");
	}
}

/* kafka.apache.org/protocol: size, then of a request: key, version, correlation id, client. */
static void kafka(struct tape *t)
{
	static const uint32_t ids[] = { 0, 1, 2, 3, 77, 1000, 0x41424344, 0x75736572 };

	for (unsigned n = 0; n < 76 * 18; n++) {
		size_t conn = tcp(t, 9092);
		struct bytes p = { 0 }, b = { 0 }, r = { 0 };

		put_be(&p, n / 18, 2);
		put_be(&p, n % 18, 2);
		put_be(&p, ids[n % 8], 4);
		put_be(&p, 8, 2);
		put_str(&p, "rdkafka1");
		put_random(&p, n % 60);
		put_be(&b, p.len, 4);
		put(&b, p.data, p.len);
		client(t, conn, &b);
		put_be(&r, 20 + n % 40, 4);
		put_be(&r, ids[n % 8], 4);
		put_be(&r, n % 3, 2);
		put_be(&r, n % 18, 4);
		put_fill(&r, (uint8_t)n, 10 + n % 40);
		server(t, conn, &r);
	}
}

/* github.com/memcached/memcached, doc/protocol.txt and protocol-binary.txt */
static void memcached(struct tape *t)
{
	static const char *const text[] = { "> set user:1 0 60 5",
					    "> hello",
					    "< STORED",
					    "> get user:1",
					    "< VALUE user:1 0 5",
					    "< hello",
					    "< END",
					    "> incr counter 1",
					    "< 5",
					    "> delete user:1",
					    "< DELETED",
					    "> mg user:1 v",
					    "< VA 5",
					    "> version",
					    "< VERSION 1.6.18",
					    "> stats",
					    "< STAT pid 1",
					    "> quit",
					    "< ERROR",
					    "< CLIENT_ERROR bad command",
					    "< HD",
					    NULL };

	dialog(t, 11211, text);
	for (unsigned opcode = 0; opcode < 60; opcode++) {
		size_t conn = tcp(t, 11211);
		struct bytes b = { 0 };

		put_be(&b, 0x80, 1);
		put_be(&b, opcode, 1);
		put_be(&b, 6, 2);
		put_be(&b, 0, 4);
		put_be(&b, 6, 4);
		put_be(&b, opcode, 4);
		put_be(&b, 0, 8);
		put_str(&b, "user:1");
		client(t, conn, &b);
		b.data[0] = 0x81;
		server(t, conn, &b);
	}
}

/* RFC 5321, RFC 1939, RFC 9051, RFC 959, RFC 1459 */
static void mail(struct tape *t)
{
	static const char *const smtp[] = { "< 220 mail.example.org ESMTP Postfix",
					    "> EHLO api.example.org",
					    "< 250-mail.example.org",
					    "< 250 HELP",
					    "> MAIL FROM:<a@example.org>",
					    "< 250 2.1.0 Ok",
					    "> DATA",
					    "< 354 End data with <CR><LF>.<CR><LF>",
					    "> Subject: PUT it here\r\n\r\nGET well soon",
					    "> .",
					    "< 250 2.0.0 Ok: queued as 123",
					    "> QUIT",
					    NULL };
	static const char *const pop3[] = {
		"< +OK POP3 ready",	"> USER a", "< +OK",	   "> PASS b",
		"< -ERR invalid login", "> STAT",   "< +OK 2 320", NULL
	};
	static const char *const imap[] = {
		"< * OK IMAP4rev1 ready", "> a1 LOGIN a b", "< a1 OK done", "> a2 SELECT INBOX",
		"< * 172 EXISTS",	  "< * 1 RECENT",   "< + idling",   NULL
	};

	dialog(t, 25, smtp);
	dialog(t, 110, pop3);
	dialog(t, 143, imap);
}

static void text_protocols(struct tape *t)
{
	static const char *const ftp[] = { "< 220 (vsFTPd 3.0.5)", "> USER anonymous",
					   "< 331 Please specify", "> RETR file", NULL };
	static const char *const irc[] = { "> NICK a", "< :irc.example.org 001 a :Welcome",
					   "< :1.2.3.4 NOTICE a :x", "> PING :1", NULL };
	static const char *const nats[] = { "< INFO {\"server_id\":\"x\"}",
					    "> CONNECT {\"verbose\":false}",
					    "< +OK",
					    "> PUB subject 5\r\nhello",
					    "< MSG subject 1 5\r\nhello",
					    "< -ERR 'Unknown Protocol Operation'",
					    "> PING",
					    "< PONG",
					    NULL };
	static const char *const stomp[] = { "> CONNECT\naccept-version:1.2\n\n",
					     "< CONNECTED\nversion:1.2\n\n",
					     "> SEND\ndestination:/queue/a\n\nhello", NULL };
	static const char *const rtsp[] = { "> OPTIONS rtsp://example.org/a RTSP/1.0",
					    "< RTSP/1.0 200 OK",
					    "> DESCRIBE rtsp://example.org/a RTSP/1.0", NULL };
	static const char *const sip[] = { "> OPTIONS sip:a@example.org SIP/2.0",
					   "< SIP/2.0 200 OK", NULL };
	static const char *const beanstalk[] = { "> put 0 0 60 5\r\nhello", "< INSERTED 1",
						 "> reserve", "< RESERVED 1 5\r\nhello", NULL };
	static const char *const ssh[] = { "< SSH-2.0-OpenSSH_9.2p1 Debian-2",
					   "> SSH-2.0-OpenSSH_9.2p1 Debian-2", NULL };
	static const char *const gopher[] = { "> GET hello",  "> GET http is a protocol",
					      "> POST haste", "> PUT * there",
					      "> DELETE /me", "> CONNECT me please",
					      "> HEAD high",  NULL };

	dialog(t, 21, ftp);
	dialog(t, 6667, irc);
	dialog(t, 4222, nats);
	dialog(t, 61613, stomp);
	dialog(t, 554, rtsp);
	dialog(t, 5060, sip);
	dialog(t, 11300, beanstalk);
	dialog(t, 22, ssh);
	dialog(t, 70, gopher);
}

/* MQTT 3.1.1, Cassandra's native protocol 4, ZooKeeper, LDAP, TDS, SOCKS 5, WebSocket, HTTP/2's
 * server. */
static void binary_protocols(struct tape *t)
{
	static const struct {
		uint16_t port;
		char who;
		const char *data;
		size_t len;
	} first[] = {
#define MESSAGE(port, who, text) { port, who, text, sizeof(text) - 1 }
		MESSAGE(1883, '>', "\x10\x10\0\4MQTT\4\2\0\x3c\0\4dify"),
		MESSAGE(1883, '<', "\x20\2\0\0"),
		MESSAGE(1883, '>', "\x30\x0c\0\5topichello"),
		MESSAGE(9042, '>', "\4\0\0\0\5\0\0\0\0"),
		MESSAGE(9042, '<',
			"\x84\0\0\0\6\0\0\0\x33\0\2\0\x0b"
			"CQL_VERSION\0\1\0\5"
			"3.4.5"),
		MESSAGE(9042, '>', "\4\0\0\1\7\0\0\0\x1c\0\0\0\x15SELECT * FROM messages\0\1\0"),
		MESSAGE(2181, '>',
			"\0\0\0\x2d\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x27\x10\0\0\0\0\0\0\0\0"),
		MESSAGE(2181, '<', "\0\0\0\x25\0\0\0\0\0\0\x27\x10\1\0\0\0\0\0\0\0"),
		MESSAGE(389, '>', "\x30\x0c\2\1\1\x60\7\2\1\3\4\0\x80\0"),
		MESSAGE(389, '<', "\x30\x0c\2\1\1\x61\7\n\1\0\4\0\4\0"),
		MESSAGE(1433, '>', "\x12\1\0\x2f\0\0\1\0\0\0\x1a\0\6\1\0\x20\0\1\2\0\x21\0\1"),
		MESSAGE(1433, '>',
			"\x03\1\0\x5c\0\0\1\0\x16\0\0\0\x12\0\0\0\2\0S\0E\0L\0E\0C\0T\0"),
		MESSAGE(1080, '>', "\5\1\0"),
		MESSAGE(1080, '<', "\5\0"),
		MESSAGE(1080, '>',
			"\5\1\0\3\x0b"
			"example.org\1\xbb"),
		MESSAGE(80, '>', "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"),
		MESSAGE(80, '<', "\x81\5hello"),
		MESSAGE(50051, '<', "\0\0\x06\4\0\0\0\0\0\0\5\0\0\x40\0"),
		MESSAGE(50051, '<', "\0\0\0\4\1\0\0\0\0"),
		MESSAGE(1521, '>', "\0\x3a\0\0\1\0\0\0\1\x36\1\x2c\0\0\x08\0\x7f\xff"),
		MESSAGE(1935, '>', "\3\0\0\0\0\0\0\0\0\x12\x34\x56"),
		MESSAGE(9090, '>', "\0\0\0\x11\x80\1\0\1\0\0\0\4ping\0\0\0\1\0"),
		MESSAGE(7687, '>', "\x60\x60\xb0\x17\0\0\4\4\0\0\1\4\0\0\0\4\0\0\0\3"),
		MESSAGE(5671, '>', "\x93\0\1\xc4\5hello\x81\xa1\x6b\xcd\1\0"),
		MESSAGE(8009, '>', "\x12\x34\0\x0e\2\2\0\x08HTTP/1.1\0"),
	};

	for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++) {
		size_t conn = tcp(t, first[i].port);
		struct bytes b = { 0 };

		put(&b, first[i].data, first[i].len);
		if (first[i].who == '>')
			client(t, conn, &b);
		else
			server(t, conn, &b);
	}
}

/* RFC 8446, 4.1.2: a hello that names a server; and records of a connection joined late. */
static void tls_records(struct tape *t)
{
	for (int pad = 0; pad < 40; pad++) {
		struct bytes ext = { 0 }, hello = { 0 }, record = { 0 }, data = { 0 };
		size_t conn = tcp(t, 443);

		random_state = 3 + (uint64_t)pad;
		put_be(&ext, 0, 2);
		put_be(&ext, 16 + (uint64_t)pad, 2);
		put_be(&ext, 14 + (uint64_t)pad, 2);
		put_be(&ext, 0, 1);
		put_be(&ext, 11 + (uint64_t)pad, 2);
		put_fill(&ext, 'h', (size_t)pad);
		put_str(&ext, "example.org");
		put_be(&hello, 0x0303, 2);
		put_random(&hello, 32);
		put_be(&hello, 0, 1);
		put_be(&hello, 2, 2);
		put_be(&hello, 0x1301, 2);
		put_be(&hello, 0x0100, 2);
		put_be(&hello, ext.len, 2);
		put(&hello, ext.data, ext.len);
		put_be(&record, 0x160301, 3);
		put_be(&record, hello.len + 4, 2);
		put_be(&record, 1, 1);
		put_be(&record, hello.len, 3);
		put(&record, hello.data, hello.len);
		client(t, conn, &record);
		put_be(&data, 0x170303, 3);
		put_be(&data, 100 + (uint64_t)pad, 2);
		put_random(&data, 100 + (size_t)pad);
		server(t, conn, &data);
	}
}

static void random_bytes(struct tape *t)
{
	random_state = 5;
	for (int n = 0; n < 3000; n++) {
		struct bytes b = { 0 };

		put_random(&b, 16 + (size_t)n % 100);
		if (n % 3 == 0) /* what decoders look at first: a byte that is a type, then 0 */
			b.data[0] = (uint8_t) "QPBEDCSHXFdcfpRKTZNIAGWnst123*:$%+-_>\x16\x17\0"[n /
												3 %
												39];
		if (n % 3 == 0)
			b.data[1] = n / 3 % 39 < 29 ? 0 : b.data[1];
		if (n % 9 == 0)
			b.data[2] = 0;
		if (n % 2)
			client(t, tcp(t, 9999), &b);
		else
			server(t, tcp(t, 9999), &b);
	}
}

/* Arrays of small integers of a width, in either order of bytes; and frames behind their length. */
static void integers(struct tape *t)
{
	static const char types[] = "QPBEDCSHXFdcfpRKTZNIAGWnst123";

	random_state = 7;
	for (unsigned n = 0; n < 1800; n++) {
		struct bytes b = { 0 };
		int width = n % 2 ? 4 : n % 4 ? 2 : 8;

		for (unsigned i = 0; i < 24; i++) {
			uint64_t v = next_random() % (n % 5 ? 40 : 300);

			if (!i)
				v = (uint8_t)types[n % (sizeof(types) - 1)];
			if (n % 7 == 6)
				put_be(&b, v, width);
			else
				put_le(&b, v, width);
		}
		if (n / 29 % 2)
			client(t, tcp(t, 9999), &b);
		else
			server(t, tcp(t, 9999), &b);
	}
	for (unsigned n = 0; n < 600; n++) {
		struct bytes b = { 0 };

		put_be(&b, n % 120 + 8, 4);
		put_be(&b, n / 120, 2);
		put_be(&b, n % 4, 2);
		put_random(&b, n % 120 + 4);
		client(t, tcp(t, 9999), &b);
	}
}

/* Text, joined at every byte: sentences, tables, JSON, logs, source code; as UTF-8 and as UTF-16.
 */
static void text(struct tape *t)
{
	static const char sample[] =
		"Query,Price,Date\n\"Quartz\",12,2026-01-02\nGET a job, POST a letter, PUT it "
		"down.\n"
		"* item 1\n* item 2\n: note\n$ ls -l /tmp\n$5 is the price\n-ERR or not\n+OK then\n"
		"{\"event\": \"x\", \"data\": {\"a\": [1, 2]}}\n\tDELETE FROM t; -- SELECT 1\n"
		"2026-01-02 03:04:05,678 INFO [x] S P Q R\r\n<html><head>HTTP and "
		"TLS</head></html>\r\n"
		"\xe8\xb3\xaa\xe5\x95\x8f\xe3\x81\xa7\xe3\x81\x99 DATA "
		"Z\n%PDF-1.7\n_private\n#!/bin/sh\n"
		"%50 off\n:1 first\n*2 stars\n>1 more\nHTTP is old. OPTIONS are few. HEAD on.\n";

	for (size_t i = 0; i + 80 < sizeof(sample); i++) {
		struct bytes b = { 0 }, wide = { 0 };

		put(&b, sample + i, 80);
		client(t, tcp(t, 9999), &b);
		server(t, tcp(t, 9999), &b);
		for (size_t k = 0; k < 40; k++)
			put_le(&wide, (uint8_t)sample[i + k], 2);
		client(t, tcp(t, 9999), &wide);
		server(t, tcp(t, 9999), &wide);
	}
}

/* NTP (RFC 5905), QUIC (RFC 9000, 17.2), SNMP, syslog, statsd: datagrams. */
static void datagrams(struct tape *t)
{
	static const char *const lines[] = { "<34>1 2026-01-02T03:04:05Z host app - - - text",
					     "requests:1|c", "requests.time:320|ms|@0.1" };
	struct bytes b = { 0 };

	random_state = 9;
	put_be(&b, 0x1b, 1);
	put_fill(&b, 0, 47);
	tape_put(t, tape_conn(t, DFL_UDP, NULL, -1, 123), DFL_REQUEST, b.data, b.len, DFL_WIRE);
	for (int n = 0; n < 600; n++) {
		b.len = 0;
		put_be(&b, 0xc000000001 | (uint64_t)(n % 16) << 32, 5);
		put_be(&b, 8, 1);
		put_random(&b, 40);
		tape_put(t, tape_conn(t, DFL_UDP, NULL, -1, 443), DFL_REQUEST, b.data, b.len,
			 DFL_WIRE);
		b.len = 0;
		put_random(&b, 20 + (size_t)n % 100);
		tape_put(t, tape_conn(t, DFL_UDP, NULL, -1, 9999), DFL_REQUEST, b.data, b.len,
			 DFL_WIRE);
	}
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		tape_put(t, tape_conn(t, DFL_UDP, NULL, -1, 8125), DFL_REQUEST, lines[i],
			 strlen(lines[i]), DFL_WIRE);
}

const struct foreign foreign[] = {
	{ "MySQL, MariaDB", mysql },
	{ "MongoDB", mongodb },
	{ "AMQP", amqp },
	{ "Kafka", kafka },
	{ "memcached", memcached },
	{ "SMTP, POP3, IMAP", mail },
	{ "other text protocols", text_protocols },
	{ "other binary protocols", binary_protocols },
	{ "TLS", tls_records, true },
	{ "random", random_bytes },
	{ "integers, frames", integers },
	{ "text", text },
	{ "datagrams", datagrams },
	{ NULL },
};
