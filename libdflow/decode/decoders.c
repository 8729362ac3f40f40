// SPDX-License-Identifier: Apache-2.0
/* THE list of decoders, most specific first: the first that does not refuse gets the stream. */
#include "decode/decode.h"

extern const struct dfl_decoder dfl_decoder_tls, dfl_decoder_http1, dfl_decoder_http2,
	dfl_decoder_resp, dfl_decoder_postgres, dfl_decoder_dns, dfl_decoder_plugin_stdio,
	dfl_decoder_logline;

const struct dfl_decoder *const dfl_decoders[] = {
	&dfl_decoder_tls,	   &dfl_decoder_http1,	  &dfl_decoder_http2,
	&dfl_decoder_resp,	   &dfl_decoder_postgres, &dfl_decoder_dns,
	&dfl_decoder_plugin_stdio, &dfl_decoder_logline,  NULL,
};
