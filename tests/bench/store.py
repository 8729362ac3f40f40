# SPDX-License-Identifier: Apache-2.0
"""
A store of many traces: store [--traces N] [-o json]. The documents of the recorded chats are templates; the writer's own
code puts N variants of them into a store in a temporary folder. Prints how long the first page of `dflow ls` and a cold
`dflow trace ID` take, and the bytes that a hop takes, beside the same hop as a span of OTLP/JSON.
"""
import argparse
import json
import os
import pathlib
import resource
import sqlite3
import statistics
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
DFLOW = os.environ["DFLOW"]
PAGE = 100


def dflow(*args):
    return subprocess.run([DFLOW, *args], capture_output=True, text=True, check=True).stdout


def templates(folder):
    store = f"{folder}/templates.db"
    for capture in sorted((ROOT / "tests/golden").glob("*.pcap")):
        dflow("replay", f"--store={store}", str(capture))
    ids = [r["trace_id"] for r in json.loads(dflow("ls", "-o", "json", f"--store={store}"))["requests"]]
    return [dflow("trace", "-o", "json", f"--store={store}", i).strip() for i in ids]


def any_value(value):
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, list):
        return {"arrayValue": {"values": [any_value(v) for v in value]}}
    return {"stringValue": value}


def attributes(prefix, members):
    for key, value in members.items():
        if isinstance(value, dict):
            yield from attributes(f"{prefix}{key}.", value)
        elif value is not None and value != []:
            yield {"key": prefix + key, "value": any_value(value)}


def otlp_bytes(document):
    """The hops as spans of opentelemetry-proto's JSON, one span a hop, without blanks."""
    spans = [{"traceId": document["trace_id"], "spanId": f"{hop['seq']:016x}", "name": hop["operation"], "kind": 3,
              "startTimeUnixNano": "1767225600000000000", "endTimeUnixNano": "1767225600000000000",
              "attributes": list(attributes("dflow.", hop))} for hop in document["hops"]]
    request = {"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}
    return len(json.dumps(request, separators=(",", ":")))


def drop_cache(path):
    fd = os.open(path, os.O_RDONLY)
    os.fsync(fd)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(fd)


def ms(*args):
    """Of the wall clock and of CPU, with the start of the program in both."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    dflow(*args)
    wall, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * wall, 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def medians(runs):
    return [round(statistics.median(column), 1) for column in zip(*runs)]


def measure(store, ids):
    page = [ms("ls", f"--limit={PAGE}", f"--store={store}") for _ in range(7)]
    one = []
    for ident in ids:
        drop_cache(store)
        one.append(ms("trace", "-o", "json", f"--store={store}", ident))
    return medians(page), medians(one)


def main():
    parser = argparse.ArgumentParser(prog="store", description=__doc__)
    parser.add_argument("--traces", type=int, default=1_000_000)
    parser.add_argument("-o", choices=["json", "text"], default="text")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="dflow-bench-", dir=os.environ.get("TMPDIR", "/var/tmp")) as folder:
        lines = templates(folder)
        documents = [json.loads(line) for line in lines]
        otlp = sum(map(otlp_bytes, documents)) / sum(len(d["hops"]) for d in documents)
        store = f"{folder}/store.db"
        made = subprocess.run([ROOT / "build/release/tests/bench/bench_store", store, str(args.traces)],
                              input="\n".join(lines) + "\n", capture_output=True, text=True, check=True).stdout.split()
        db = sqlite3.connect(f"file:{store}?mode=ro", uri=True)
        ids = [i for i, in db.execute("SELECT trace_id FROM trace WHERE n % ? = 1 LIMIT 15", (max(args.traces // 15, 2),))]
        db.close()
        page, one = measure(store, ids)
        size = os.path.getsize(store)
    figures = {
        "traces": args.traces, "hops": int(made[0]), "store_bytes": size,
        "open_put_cpu_us": round(1e6 * float(made[2]) / int(made[1]) / 2),
        "settled_put_cpu_us": round(1e6 * float(made[3]) / args.traces), "first_page_ms": page[0], "first_page_cpu_ms": page[1],
        "trace_cold_ms": one[0], "trace_cold_cpu_ms": one[1], "hop_bytes": round(size / int(made[0]), 1), "otlp_hop_bytes": round(otlp, 1),
        "otlp_ratio": round(otlp * int(made[0]) / size, 1),
    }
    if args.o == "json":
        print(json.dumps({"bench": "store", **figures}))
    else:
        for name, value in figures.items():
            print(f"{name:16} {value}")


if __name__ == "__main__":
    main()
