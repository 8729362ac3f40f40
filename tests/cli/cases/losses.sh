# SPDX-License-Identifier: Apache-2.0
# What was not seen is told with the list, also when there is no trace of that time.
make_store store.db chat-block-en
run ls --store store.db -o json | grep -o '"losses":.*'
sql store.db "INSERT INTO loss VALUES (1790000000000000000, 1790000012000000000, 1234, 5600000, 'the ring was full')"
run ls --store store.db
run ls --store store.db -o json | grep -o '"losses":.*'
run ls --store store.db -o csv | tail -n 1 | cut -c1-10
run ls --store store.db --since 2027-01-01
run ls --store store.db --since 2026-09-21T14:13:00Z --until 2026-09-21T14:14:00Z
