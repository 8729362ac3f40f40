# SPDX-License-Identifier: Apache-2.0
"""Chats a second of the live stack, 16 in flight, with and without dflow recording its containers."""
import pathlib
import shutil
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import conftest  # noqa: E402
import pairs  # noqa: E402

CHATS = 64


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

    try:
        chats_per_second()  # warm
        figures = pairs.measure(one_run, args.pairs)
    finally:
        stack.down()
        shutil.rmtree(tmp)
    pairs.report("stack", "chats/s", figures, args.o, chats=CHATS, in_flight=16)


main()
