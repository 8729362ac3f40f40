/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Channels of the live source: sockets, pipes and files, with ids that are never used again. The
 * functions that return int return 0, -ENOMEM, or what the receiver of events returned.
 */
#pragma once

#include "capture/live/live_priv.h"

/* A channel is introduced, or more of it is known. */
int dfl_live_channel_record(struct dfl_live *l, const struct dfl_k_chan *rec);
/* Its last reference went, or the last writer of a pipe did. */
int dfl_live_channel_close(struct dfl_live *l, const struct dfl_k_close *rec);
/* The process is gone: so are the channels for texts that it gave to the kernel. */
int dfl_live_channel_exit(struct dfl_live *l, uint32_t pid, uint64_t ts_ns);
/* Bytes as they passed the fd. A channel that was not introduced (its record was lost) is made. */
int dfl_live_channel_data(struct dfl_live *l, const struct dfl_k_data *rec);
/* Borrowed until the next call that may make or close a channel; NULL when there is none. */
struct dfl_live_chan *dfl_live_channel_find(struct dfl_live *l, const struct dfl_k_key *key);
/* Makes and tells a channel without a socket, for a TLS object that never showed one. */
int dfl_live_channel_make_bare(struct dfl_live *l, uint64_t ts_ns, uint64_t *ret_chan);
/*
 * Sends a record as an event of this channel. chan: id of the channel; ssl: id of the TLS object, 0
 * for bytes of the wire; ts_ns: the event's time, which is later than the record's if it was held.
 */
int dfl_live_channel_emit_data(struct dfl_live *l, const struct dfl_k_data *rec, uint64_t chan,
			       uint64_t ssl, uint64_t ts_ns);
void dfl_live_channel_fini(struct dfl_live *l);
