# SPDX-License-Identifier: Apache-2.0
# A disk that gets full: said with the name of the store; what was acknowledged can be read.
mkdir small
on_small_disk() {
	mount -t tmpfs -o size="$1" tmpfs small || return
	shift
	run "$@"
	run ls --store small/store.db
	umount small
}
export -f on_small_disk run
unshare -m bash -c 'on_small_disk 40k replay --store small/store.db "$GOLDEN/chat-block-en.pcap"'
unshare -m bash -c 'on_small_disk 260k replay --store small/store.db "$GOLDEN/chat-block-en.pcap" "$GOLDEN/flow-stream-ja.pcap"'
