/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS objects (an SSL of OpenSSL, a session of GnuTLS): their plaintext goes to the channel of the
 * socket that they use. The functions that return int return 0, -ENOMEM, or what the receiver of
 * events returned.
 */
#pragma once

#include "capture/live/live_priv.h"

/* Plaintext of an object. It waits while the socket is not known. */
int dfl_live_tls_object_data(struct dfl_live *l, const struct dfl_k_data *rec);
/* The object was seen to use a socket. */
int dfl_live_tls_object_bind(struct dfl_live *l, const struct dfl_k_note *rec);
/*
 * Gives plaintext that waited LIVE_MAX_HOLD_NS to a channel without a socket; all: whatever waits.
 */
int dfl_live_tls_object_expire(struct dfl_live *l, uint64_t now_ns, bool all);
/* The process is gone: its objects are forgotten, but for those with plaintext that still waits. */
void dfl_live_tls_object_forget(struct dfl_live *l, uint32_t pid);
void dfl_live_tls_object_fini(struct dfl_live *l);
