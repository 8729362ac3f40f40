/* SPDX-License-Identifier: Apache-2.0 */
/* Settings of the configuration file that other stages use. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct dfl_settings {
	uint64_t settle_ns; /* a trace is settled after this long without a new hop; default 3 s */
	uint64_t max_open_ns;	  /* and after this long in any case; default 15 min */
	bool keep_client_address; /* default true */
	bool keep_fingerprints;	  /* of texts, so that they are known again; default true */
	uint32_t max_open_traces; /* default 4096 */
};
