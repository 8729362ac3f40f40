# SPDX-License-Identifier: Apache-2.0
"""
Chats a second of the live stack, 16 in flight, with and without dflow recording its containers; and how often a
probe of a TLS library is hit for a chat.
"""
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import conftest  # noqa: E402
import pairs  # noqa: E402

CHATS = 64
BPF_STATS = pathlib.Path("/proc/sys/kernel/bpf_stats_enabled")


def probe_hits():
    """Runs of the programs at functions of TLS libraries, which the kernel counts while bpf_stats_enabled is set."""
    progs = json.loads(subprocess.run(["bpftool", "-j", "prog", "show"], check=True, capture_output=True,
                                      env={"PATH": "/usr/sbin:/sbin:/usr/bin:/bin"}).stdout)
    hits = {"entries": 0, "returns": 0}
    for p in progs:
        name = p.get("name", "")
        if name.startswith("dfl_tls_"):  # names are cut at 15 bytes: dfl_tls_multi_r
            hits["returns" if name.startswith(("dfl_tls_multi_r", "dfl_tls_return")) else "entries"] += p.get("run_cnt", 0)
    return hits


def main():
    args = pairs.arguments(__doc__, 5)
    tmp = pathlib.Path(tempfile.mkdtemp(prefix="dflow-bench-"))
    stack = conftest.Stack("--api-connections=100", "--celery-concurrency=100", "--auto-title=off", "--llm-delay-ms=0",
                           "--llm-pace-ms=0")
    runs = 0

    def chats_per_second():
        nonlocal runs
        runs += 1
        start = time.monotonic()
        conftest.run(conftest.STACK / "load", "--concurrency", 16, "--count", CHATS, "--app", "mixed", "--mode", "mixed",
                     "--seed", f"bench-{runs}", timeout=300)
        return CHATS / (time.monotonic() - start)

    def one_run(recorded):
        if not recorded:
            return chats_per_second()
        recorder = conftest.Recorder(stack, tmp / "s.db")
        figure = chats_per_second()
        recorder.stop()
        return figure

    def hits_per_chat():
        was = BPF_STATS.read_text()
        recorder = conftest.Recorder(stack, tmp / "s.db")
        BPF_STATS.write_text("1")
        try:
            chats_per_second()
            return {k: round(n / CHATS, 1) for k, n in probe_hits().items()}
        finally:
            BPF_STATS.write_text(was)
            recorder.stop()

    try:
        chats_per_second()  # warm
        hits = hits_per_chat()
        print(f"  TLS probe hits a chat: {hits['entries']} entries, {hits['returns']} returns", flush=True)
        figures = pairs.measure(one_run, args.pairs)
    finally:
        stack.down()
        shutil.rmtree(tmp)
    pairs.report("stack", "chats/s", figures, args.o, chats=CHATS, in_flight=16, tls_probe_hits=hits)


main()
