# SPDX-License-Identifier: Apache-2.0
"""Scenarios that fail today, and why. They are run and shown, and do not fail the run; remove a line with its fault."""

FRAME = "words of the statement itself that also stand in the text are taken for 12 bytes of it, in tied operations"

KNOWN = {
    "sql": FRAME,
    "forged ids": FRAME,
    "short": "equal answers to equal texts: the model's answers all go to the request that is known first",
    "recorded equal answers": "as in 'short'",
    "recorded one publisher": "over 32 channels published through one connection: the least used one's answer is cut, "
                              "and the trace says that it is complete",
    "recorded 16 words": "'common' is said of unique text where over 64 places share a k-gram, and hides partial copies",
    "recorded phrase": "a partial copy that others' texts hold too is no hop: an attacker can hide it",
    "1 MB": "the recorder falls behind: events are lost, and said to be",
    "32 words": "the recorder falls behind: an end of a short connection has no process, so no station",
}
