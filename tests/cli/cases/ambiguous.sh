# SPDX-License-Identifier: Apache-2.0
# Two requests with ids that begin alike.
make_store store.db chat-block-en
make_store store.db flow-stream-ja
other=$(sql store.db "SELECT n FROM id_row WHERE kind='message_id' AND key NOT LIKE '073f09af%'")
sql store.db "INSERT INTO id_row VALUES ('073f09af-0000-0000-0000-000000000000', 'message_id', $other)"
run trace --store store.db 073f
run trace --store store.db 073f09af-
for id in 073f09af-0000 073f09af-f; do
	run trace --store store.db $id -o json | cut -c 1-71
done
