# SPDX-License-Identifier: Apache-2.0
# A store in a folder that its reader may not write: at rest it is read, with what was not checkpointed it is not.
make_store store.db chat-block-en
mkdir folder
cp store.db 'folder/a?b%41#.db'
cp store.db folder/behind.db
: >folder/behind.db-wal
chmod 444 folder/*
chmod 555 folder
chmod 755 .
run_unprivileged ls --store 'folder/a?b%41#.db'
run_unprivileged trace --store 'folder/a?b%41#.db' 436d9c97 -o json | cut -c 1-71
run_unprivileged ls --store folder/behind.db
run_unprivileged replay --store folder/new.db "$GOLDEN/chat-block-en.pcap"
ls folder
chmod 755 folder
