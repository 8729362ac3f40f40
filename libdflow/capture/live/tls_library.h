/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of TLS libraries: one row says how the file of a library is recognised, which functions
 * are probed, and how they tell the object and the buffer. README.md of capture/ has the recipe for
 * a new one.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../bpf/event.h"

#define DFL_TLS_LIBRARY_MAX_FUNCTIONS 12

struct dfl_tls_function {
	const char *symbol;	     /* among the dynamic symbols of the file */
	enum dfl_k_tls_form_id form; /* how a call of it is read */
	bool needed;		     /* a file without it is not this library */
};

struct dfl_tls_library {
	const char *name; /* for reports: "OpenSSL" */
	const char *file; /* the file's name begins with it; the kernel compares 8 bytes */
	struct dfl_tls_function functions[DFL_TLS_LIBRARY_MAX_FUNCTIONS]; /* symbol NULL: unused */
};

/* The library that a file of this name may be; NULL for none. path: absolute. */
const struct dfl_tls_library *dfl_tls_library_of(const char *path);

/*
 * Finds the functions in the file at fd. ret_offsets[i] is the offset of functions[i] in the file,
 * 0 when it is not there. Returns 0, -ENOENT when a needed one is missing, or what dfl_elf_find()
 * returns.
 */
int dfl_tls_library_find(const struct dfl_tls_library *lib, int fd,
			 uint64_t ret_offsets[static DFL_TLS_LIBRARY_MAX_FUNCTIONS]);

/* The names of all files, for the kernel's filter. The rest of ret_files is left alone. */
void dfl_tls_library_files(struct dfl_k_tls_file ret_files[static DFL_K_MAX_TLS_FILES]);
