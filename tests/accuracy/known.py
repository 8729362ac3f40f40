# SPDX-License-Identifier: Apache-2.0
"""Scenarios that fail today, in which counts, and why. They are run and shown and do not fail the run unless another
count is wrong too; remove a line with its fault."""

ANSWERS = "equal answers to equal texts: the model's answers all go to the request whose answer is known first"

KNOWN = {
    "equal answers": ({"mis_stitched", "false"}, ANSWERS),
    "short answers": ({"mis_stitched", "false"}, ANSWERS),
    "recorded equal answers": ({"mis_stitched"}, ANSWERS),
    "recorded one publisher": ({"missing"}, "over 32 channels published through one connection: the least used one's "
                                            "answer is cut, and the trace says that it is complete"),
    "recorded 16 words": ({"missing"}, "'common' is said of unique text where over 64 places share a k-gram, and hides "
                                       "partial copies"),
    "recorded phrase": ({"missing"}, "a partial copy that others' texts hold too is no hop: an attacker can hide it"),
    "1 MB": ({"missing"}, "the recorder falls behind: events are lost, and said to be; alone on an idle machine all is found"),
    "32 words": ({"missing", "false"}, "the recorder falls behind: an end of a short connection has no process, so no station"),
}
