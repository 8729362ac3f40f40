# SPDX-License-Identifier: Apache-2.0
# -o csv, json and wide.
make_store store.db chat-block-en
make_store store.db flow-stream-ja
export DFLOW_STORE=store.db
run ls -o csv
run ls -o wide
run ls -o table >table
run ls -o text >text # its name in 0.1
tail -n +2 table | diff - <(tail -n +2 text) && echo "text: the same as table"
run ls -o json | tail -n 1 | python3 -c 'import json, sys
listed = json.load(sys.stdin)
print(listed["schema"], [(r["hops"], r["state"], sorted(r)) for r in listed["requests"]])'
run ls --until 2001-01-01 -o csv
run trace 436d9c97 -o csv | head -n 4
run trace 436d9c97 -o wide | sed -n '/^Hops/,/^ 4/p'

# Every hop is a row, and what is in a row is in the document.
"$DFLOW" trace 073f -o csv >rows.csv
"$DFLOW" trace 073f -o json >document.json
python3 - <<'END'
import csv, json
rows, hops = list(csv.DictReader(open("rows.csv", newline=""))), json.load(open("document.json"))["hops"]
text = lambda v: "" if v is None else str(v).lower() if isinstance(v, bool) else str(v)
same = all(row[k] == text(hop[k]) for row, hop in zip(rows, hops)
           for k in ("seq", "first_ns", "operation", "place", "encrypted", "in_vpc", "field", "bytes", "ambiguous"))
print(len(rows), len(hops), "the same" if same else "DIFFERENT")
END

# Quotes and commas (RFC 4180, 2).
cp "$GOLDEN/chat-block-en.pcap" 'a "b", c.pcap'
run replay --store other.db -o csv 'a "b", c.pcap' "$GOLDEN/flow-stream-ja.pcap"
run replay --store other.db -o json 'a "b", c.pcap'
run doctor -o csv | head -n 2 | cut -d , -f 1,2
