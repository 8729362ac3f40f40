/* SPDX-License-Identifier: Apache-2.0 */
/* The words of the design (docs/architecture.md): media, directions, ids, residencies. */
#pragma once

enum dfl_medium { DFL_TCP, DFL_UDP, DFL_UNIX, DFL_PIPE, DFL_FILE, DFL_N_MEDIUM };

/* Which bytes: as they pass the fd, or as the process hands them to its TLS library. */
enum dfl_layer { DFL_WIRE, DFL_TLS };

/* Ends of a connection: 0 opened it (client, pipe writer, process), 1 is the other. */
enum dfl_end { DFL_CLIENT, DFL_SERVER };

/* Direction of bytes between the ends. */
enum dfl_dir { DFL_REQUEST, DFL_RESPONSE };

enum dfl_id_kind {
	DFL_ID_X_AMZN_TRACE_ID,
	DFL_ID_X_REQUEST_ID,
	DFL_ID_TRACEPARENT,
	DFL_ID_MESSAGE,
	DFL_ID_TASK,
	DFL_ID_CONVERSATION,
	DFL_ID_WORKFLOW_RUN,
	DFL_ID_UPLOAD_FILE,
	DFL_ID_DOCUMENT,
	DFL_N_ID,
	/*
	 * Used inside only, and never shown: it ties the lines of a plugin to the call that they
	 * answer.
	 */
	DFL_ID_PLUGIN_SESSION = DFL_N_ID
};

enum dfl_residency {
	DFL_RES_UNKNOWN,
	DFL_TRANSIT,
	DFL_MEMORY,
	DFL_CACHE,
	DFL_QUEUE,
	DFL_EPHEMERAL_DISK,
	DFL_PERSISTENT,
	DFL_OBJECT,
	DFL_LOG,
	DFL_EXTERNAL,
	DFL_N_RESIDENCY
};

/* What a store said of text that it was given. */
enum dfl_kept {
	DFL_KEPT_UNKNOWN,   /* it cannot be told */
	DFL_KEPT_ATTEMPTED, /* the store has not answered yet */
	DFL_KEPT_PRESENT,   /* it confirmed that it has the text */
	DFL_KEPT_NOT,	    /* it refused, or took it back */
	DFL_KEPT_REMOVED,   /* it confirmed that the text is gone, or overwritten */
	DFL_KEPT_EXPIRED,   /* its time to live is over */
	DFL_N_KEPT
};

/* The JSON spelling; NULL for the unknown ones. Static storage. */
const char *dfl_medium_name(enum dfl_medium m);
const char *dfl_id_name(enum dfl_id_kind k); /* "message_id", … */
const char *dfl_residency_name(enum dfl_residency r);
const char *dfl_kept_name(enum dfl_kept k); /* "unknown" has a word, too */
/* The reverse; -1 when the word is none of them. */
int dfl_id_parse(const char *word);
int dfl_medium_parse(const char *word);
int dfl_residency_parse(const char *word);
