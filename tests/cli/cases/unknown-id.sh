# SPDX-License-Identifier: Apache-2.0
make_store store.db chat-block-en
run trace --store store.db 00000000-0000-0000-0000-000000000000
run trace --store store.db --wait=0.1 00000000-0000-0000-0000-000000000000
run trace --store store.db abc
run trace --store store.db ''
run ls --store store.db --id 00000000
run ls --store store.db --until 2001-01-01
run ls --store store.db --until 2001-01-01 -o json
DFLOW_STORE=store.db run trace nothing
