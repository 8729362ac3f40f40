# SPDX-License-Identifier: Apache-2.0
"""Paired runs: with and without dflow in turn, the order changing, so that the machine's moods cancel."""
import argparse
import json
import statistics


def arguments(doc, pairs):
    p = argparse.ArgumentParser(description=doc)
    p.add_argument("-o", choices=["json"], help="one JSON object as the last line")
    p.add_argument("--pairs", type=int, default=pairs, help=f"pairs of runs (default {pairs})")
    return p.parse_args()


def measure(one_run, pairs):
    """one_run(recorded: bool) returns the figure. Returns [(without, with), …]."""
    figures = []
    for i in range(pairs):
        order = (False, True) if i % 2 == 0 else (True, False)
        got = {recorded: one_run(recorded) for recorded in order}
        figures.append((got[False], got[True]))
        print(f"  pair {i + 1}: without {got[False]:.1f}, with {got[True]:.1f}, ratio {got[True] / got[False]:.3f}",
              flush=True)
    return figures


def report(bench, unit, figures, as_json, **more):
    ratios = sorted(w / wo for wo, w in figures)
    result = {
        "bench": bench, "unit": unit, "pairs": len(figures),
        "without": round(statistics.median(f[0] for f in figures), 1),
        "with": round(statistics.median(f[1] for f in figures), 1),
        "ratio": round(statistics.median(ratios), 3), "ratio_min": round(ratios[0], 3), "ratio_max": round(ratios[-1], 3),
        **more,
    }
    print(f"{bench}: {result['without']} {unit} without, {result['with']} with dflow; ratio {result['ratio']} "
          f"({result['ratio_min']} to {result['ratio_max']}, {result['pairs']} pairs)")
    if as_json:
        print(json.dumps(result))
