// SPDX-License-Identifier: Apache-2.0
/* Tells packet captures from recordings. */
#include "capture/open_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "capture/pcap.h"
#include "capture/recording.h"

/*
 * A packet capture begins with one of these: pcap in either byte order, with microseconds or
 * nanoseconds, and pcapng. The reader of recordings judges everything else.
 */
static bool is_pcap(const uint8_t magic[static 4])
{
	static const uint8_t magics[][4] = {
		{ 0xa1, 0xb2, 0xc3, 0xd4 },
		{ 0xd4, 0xc3, 0xb2, 0xa1 }, /* draft-ietf-opsawg-pcap 4 */
		{ 0xa1, 0xb2, 0x3c, 0x4d },
		{ 0x4d, 0x3c, 0xb2, 0xa1 },
		{ 0x0a, 0x0d, 0x0d, 0x0a }, /* draft-ietf-opsawg-pcapng 4.1 */
	};

	for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++)
		if (!memcmp(magic, magics[i], sizeof(magics[i])))
			return true;
	return false;
}

int dfl_open_file(const char *path, struct dfl_event_source **ret_source, struct dfl_err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint8_t magic[4] = { 0 };
	ssize_t n;

	if (fd < 0)
		return dfl_err_set(err, errno, "cannot read %s: %m", path);
	n = read(fd, magic, sizeof(magic));
	close(fd);
	if (n < 0)
		return dfl_err_set(err, EBADMSG, "%s is not a file that can be read", path);
	return is_pcap(magic) ? dfl_pcap_open(path, ret_source, err) :
				dfl_recording_open(path, ret_source, err);
}
