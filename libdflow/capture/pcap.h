/* SPDX-License-Identifier: Apache-2.0 */
/* A packet capture (pcap or pcapng file) as a source of events. */
#pragma once

#include "capture/event.h"

/*
 * Opens a file with one of these link types: Ethernet, Linux cooked (1 and 2), raw IP, loopback.
 * Events hold both directions of each TCP and UDP flow; no process is known (dfl_ev_chan.tap).
 * IP fragments and unknown protocols are told as losses. err may be NULL.
 * Errors: -errno of opening, -EBADMSG (no packet capture), -EPROTONOSUPPORT (link type), -ENOMEM.
 */
int dfl_pcap_open(const char *path, struct dfl_event_source **ret_source, struct dfl_err *err);
