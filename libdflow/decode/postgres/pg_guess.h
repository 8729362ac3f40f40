/* SPDX-License-Identifier: Apache-2.0 */
/* Do bytes look like Postgres messages? */
#pragma once

#include "decode/decoder.h"

/* The messages of a client or a server, the first of which begins at data. As decoder.h: guess. */
enum dfl_guess dfl_pg_guess(enum dfl_dir dir, const uint8_t *data, size_t len);
/*
 * The message without a type that opens a connection: a length and a code. Requests (for TLS, GSS,
 * to cancel) have a length that is known. A version is followed by parameters; without them Kafka's
 * Metadata request (key 3, version 0 or 2) would look the same.
 */
enum dfl_guess dfl_pg_guess_startup(const uint8_t *data, size_t len);
