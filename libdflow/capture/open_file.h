/* SPDX-License-Identifier: Apache-2.0 */
/* Opens a file of events, whichever kind it is. */
#pragma once

#include "capture/event.h"

/*
 * Opens a packet capture or a recording: the first four bytes of the file tell which. err may be
 * NULL. Errors: -errno of opening, -EBADMSG (neither of them), and those of dfl_pcap_open() and
 * dfl_recording_open().
 */
int dfl_open_file(const char *path, struct dfl_event_source **ret_source, struct dfl_err *err);
