// SPDX-License-Identifier: Apache-2.0
/*
 * THE list of decoders: a line for each. Most specific first, because the first one that does not
 * refuse a stream gets it. DECODER(x) stands for `const struct dfl_decoder dfl_decoder_x`.
 */
#include "decode/decoders.h"

#define DECODERS                                                                                   \
	DECODER(tls)                                                                               \
	DECODER(http1)                                                                             \
	DECODER(http2)                                                                             \
	DECODER(redis)                                                                             \
	DECODER(postgres)                                                                          \
	DECODER(dns)                                                                               \
	DECODER(plugin_stdio)                                                                      \
	DECODER(log)

#define DECODER(name) extern const struct dfl_decoder dfl_decoder_##name;
DECODERS
#undef DECODER

#define DECODER(name) &dfl_decoder_##name,
const struct dfl_decoder *const dfl_decoders[] = { DECODERS NULL };
