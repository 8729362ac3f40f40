// SPDX-License-Identifier: Apache-2.0
/* The table of TLS libraries. */
#include "capture/live/tls_library.h"

#include <errno.h>
#include <string.h>

#include "capture/live/elf.h"

/*
 * A library's functions must not call one another: a thread is inside one call at a time (so
 * gnutls_record_send2, to which gnutls_record_send jumps, is not probed).
 */
static const struct dfl_tls_library libraries[] = {
	{ .name = "OpenSSL", /* SSL_read(3), SSL_do_handshake(3); LibreSSL and BoringSSL too */
	  .file = "libssl",
	  .functions = { { "SSL_read", DFL_K_TLS_FORM_READ_INT, true },
			 { "SSL_write", DFL_K_TLS_FORM_WRITE_INT, true },
			 { "SSL_read_ex", DFL_K_TLS_FORM_READ_EX },
			 { "SSL_write_ex", DFL_K_TLS_FORM_WRITE_EX },
			 { "SSL_do_handshake", DFL_K_TLS_FORM_SHAKE_ONE },
			 /* not SSL_clear: a handshake begins with it */
			 { "SSL_free", DFL_K_TLS_FORM_FORGET },
			 { "SSL_set_bio", DFL_K_TLS_FORM_FORGET } } },
	{ .name = "GnuTLS", /* gnutls_record_send(3), gnutls_handshake(3) */
	  .file = "libgnutls",
	  .functions = { { "gnutls_record_recv", DFL_K_TLS_FORM_READ_LONG, true },
			 { "gnutls_record_send", DFL_K_TLS_FORM_WRITE_LONG, true },
			 { "gnutls_handshake", DFL_K_TLS_FORM_SHAKE_ZERO },
			 { "gnutls_deinit", DFL_K_TLS_FORM_FORGET },
			 { "gnutls_transport_set_ptr", DFL_K_TLS_FORM_FORGET },
			 { "gnutls_transport_set_ptr2", DFL_K_TLS_FORM_FORGET },
			 { "gnutls_transport_set_int2", DFL_K_TLS_FORM_FORGET } } },
};
#define N_LIBRARIES (sizeof(libraries) / sizeof(libraries[0]))
_Static_assert(N_LIBRARIES <= DFL_K_MAX_TLS_FILES, "the kernel's filter has room for all");

const struct dfl_tls_library *dfl_tls_library_of(const char *path)
{
	const char *base = strrchr(path, '/');

	for (size_t i = 0; base && i < N_LIBRARIES; i++)
		if (!strncmp(base + 1, libraries[i].file, strlen(libraries[i].file)))
			return &libraries[i];
	return NULL;
}

int dfl_tls_library_find(const struct dfl_tls_library *lib, int fd,
			 uint64_t ret_offsets[static DFL_TLS_LIBRARY_MAX_FUNCTIONS])
{
	const char *names[DFL_TLS_LIBRARY_MAX_FUNCTIONS];
	size_t n = 0;
	int r;

	memset(ret_offsets, 0, DFL_TLS_LIBRARY_MAX_FUNCTIONS * sizeof(*ret_offsets));
	while (n < DFL_TLS_LIBRARY_MAX_FUNCTIONS && lib->functions[n].symbol) {
		names[n] = lib->functions[n].symbol;
		n++;
	}
	r = dfl_elf_find(fd, names, n, ret_offsets);
	for (size_t i = 0; i < n && r >= 0; i++)
		if (lib->functions[i].needed && !ret_offsets[i])
			return -ENOENT;
	return r < 0 ? r : 0;
}

void dfl_tls_library_files(struct dfl_k_tls_file ret_files[static DFL_K_MAX_TLS_FILES])
{
	for (size_t i = 0; i < N_LIBRARIES; i++) {
		size_t len = strnlen(libraries[i].file, sizeof(ret_files[i].name));

		ret_files[i] = (struct dfl_k_tls_file){ 0 };
		memcpy(&ret_files[i].name, libraries[i].file, len);
		memset(&ret_files[i].mask, 0xff, len);
	}
}
