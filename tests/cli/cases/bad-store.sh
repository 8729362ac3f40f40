# SPDX-License-Identifier: Apache-2.0
# Stores that cannot be read.
run ls --store none.db
run trace --store none.db abcd
run ls
mkdir folder
run ls --store folder
: >empty.db
run ls --store empty.db
yes 'this is no database' | head -c 100000 >junk.db
run ls --store junk.db
run replay --store junk.db "$GOLDEN/chat-block-en.pcap"
sql other.db 'CREATE TABLE t(x)'
run ls --store other.db
run replay --store other.db "$GOLDEN/chat-block-en.pcap"
make_store newer.db chat-block-en
sql newer.db 'PRAGMA user_version=99'
run ls --store newer.db
run replay --store newer.db "$GOLDEN/chat-block-en.pcap"
# All but the first page overwritten.
make_store damaged.db chat-block-en
size=$(stat -c %s damaged.db)
yes damage | head -c $((size - 4096)) | dd of=damaged.db bs=4096 seek=1 conv=notrunc status=none
run ls --store damaged.db
run trace --store damaged.db abcd
run replay --store nowhere/store.db "$GOLDEN/chat-block-en.pcap"
# The key of the fingerprints: lost, and damaged.
make_store keyless.db chat-block-en
rm keyless.db.key
run replay --store keyless.db "$GOLDEN/chat-stream-ja.pcap"
echo 'no key' >keyless.db.key
run replay --store keyless.db "$GOLDEN/chat-stream-ja.pcap"
run ls --store keyless.db
chmod 755 .
run_unprivileged ls --store newer.db
