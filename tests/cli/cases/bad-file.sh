# SPDX-License-Identifier: Apache-2.0
# Files and configurations that cannot be read; no store is made for them.
run replay --store store.db none.pcap
run replay --store store.db .
head -c 3000 /dev/zero >zero.pcap
run replay --store store.db zero.pcap
printf '\xd4\xc3\xb2\xa1rest' >short.pcap
run replay --store store.db short.pcap
printf 'stations:\n  - name: x\n    station: moon\n' >dflow.yaml
run replay --store store.db --config dflow.yaml "$GOLDEN/chat-block-en.pcap"
run replay --store store.db --config none.yaml "$GOLDEN/chat-block-en.pcap"
ls
# Half a capture is read as far as it goes.
head -c 150000 "$GOLDEN/chat-block-en.pcap" >half.pcap
run replay --store store.db half.pcap | without_numbers
