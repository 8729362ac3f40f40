# SPDX-License-Identifier: Apache-2.0
# A recorded chat, whole, and the same into a second store: the same traces to the byte.
for chat in chat-block-en flow-stream-ja; do
	run replay --store one.db "$GOLDEN/$chat.pcap"
	make_store two.db $chat
done
run ls --store one.db
"$DFLOW" ls --store one.db -o json >one.json
"$DFLOW" ls --store two.db -o json >two.json
cmp one.json two.json
stat -c '%a %n' one.db one.db.lock
run trace --store one.db 073f
