# SPDX-License-Identifier: Apache-2.0
"""A store with the recorded chats of tests/golden, made by the tool ($DFLOW, else build/tools/dflow)."""
import json
import os
import pathlib
import subprocess

import pytest

import dflow

ROOT = pathlib.Path(__file__).resolve().parents[3]
GOLDEN = pathlib.Path(os.environ.get("GOLDEN", ROOT / "tests" / "golden"))
CHATS = ["chat-block-en", "flow-stream-ja", "flow-stream-en-turn2"]


@pytest.fixture(scope="session")
def chats():
    """What is known of each recorded chat."""
    return {name: json.loads((GOLDEN / f"{name}.json").read_text()) for name in CHATS}


@pytest.fixture(scope="session")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("store") / "store.db"
    tool = os.environ.get("DFLOW", str(ROOT / "build" / "tools" / "dflow"))
    for name in CHATS:
        subprocess.run([tool, "replay", "--store", str(path), str(GOLDEN / f"{name}.pcap")], check=True)
    return path


@pytest.fixture
def store(path):
    with dflow.open(path) as store:
        yield store
