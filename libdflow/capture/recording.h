/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recordings (.dfrec): the events of a source in a file, to be replayed later. docs/formats.md has
 * the format. A recording holds users' text.
 */
#pragma once

#include "capture/event.h"

/*
 * Opens a recording as a source of events. A file that ends without its end mark is read to its
 * last whole block, then a loss (DFL_LOSS_TRUNCATED_FILE) is told. err may be NULL. Errors: -errno
 * of opening, -EBADMSG (no recording, or damaged), -EPROTO (written by a newer dflow), -ENOMEM.
 * dispatch returns -EBADMSG at the first damaged block.
 */
int dfl_recording_open(const char *path, struct dfl_event_source **ret_source, struct dfl_err *err);

/* A recording that is being written. One thread at a time. */
struct dfl_recording;

/*
 * Creates or empties the file, with mode 0600. Links are not followed, and only a regular file is
 * taken. err may be NULL. Errors: -errno of opening, -EINVAL, -EIO, -ENOMEM.
 */
int dfl_recording_create(const char *path, struct dfl_recording **ret_rec, struct dfl_err *err);
/*
 * Appends an event. Blocks are written when 256 KiB are collected, or at a tick a second after the
 * last block. The first error is final: it is returned now and by every later call.
 */
int dfl_recording_write(struct dfl_recording *rec, const struct dfl_event *ev);
/* Writes the rest and the end mark, closes, frees. Returns the first error of any write. Takes
 * NULL. */
int dfl_recording_close(struct dfl_recording *rec);
