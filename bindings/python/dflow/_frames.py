# SPDX-License-Identifier: Apache-2.0
"""Trace documents as DataFrames. The columns are always all there, also in an empty frame."""
import pandas

_TEXT, _INT, _BOOL, _REAL, _LIST, _TIME = "string", "Int64", "boolean", "Float64", "object", "datetime64[ns, UTC]"

_ENDPOINT = {
    "station": _TEXT, "rule": _TEXT, "node": _TEXT, "pid": _INT, "comm": _TEXT, "address": _TEXT, "name": _TEXT,
    "name_evidence": _TEXT, "container": _TEXT, "image": _TEXT, "pod": _TEXT, "namespace": _TEXT, "task": _TEXT,
}

_HOP = {
    "seq": _INT, "connection": _INT, "via": _LIST, "observed_by": _LIST, "medium": _TEXT, "protocol": _TEXT,
    "operation": _TEXT, "place": _TEXT, "direction": _TEXT, "residency": _TEXT, "ttl_s": _INT, "encrypted": _BOOL,
    "in_vpc": _BOOL, "region": _TEXT, "field": _TEXT, "ranges": _LIST, "bytes": _INT, "wire_bytes": _INT,
    "occurrences": _INT, "coverage": _REAL, "coverage_basis": _TEXT, "encoding": _LIST, "evidence": _LIST,
    "common": _BOOL, "common_sources": _INT, "ambiguous": _BOOL, "candidates": _LIST, "replayed_from": _TEXT,
    "first_ns": _INT, "last_ns": _INT, "kept": _TEXT, "kept_ns": _INT,
}

HOPS = {
    "trace_id": _TEXT,
    "first": _TIME,
    **{f"from_{k}": t for k, t in _ENDPOINT.items()},
    **{f"to_{k}": t for k, t in _ENDPOINT.items()},
    **_HOP,
    "tls_version": _TEXT, "tls_cipher": _TEXT, "tls_sni": _TEXT,
}

_IDS = ["x_amzn_trace_id", "x_request_id", "traceparent", "message_id", "task_id", "conversation_id",
        "workflow_run_id", "upload_file_id", "document_id"]

REQUESTS = {
    "trace_id": _TEXT, "started": _TIME, "ended": _TIME, "state": _TEXT, "operation": _TEXT,
    "client_address": _TEXT, **{k: _TEXT for k in _IDS}, "complete": _BOOL, "lost_events": _INT,
    "lost_bytes": _INT, "reasons": _LIST, "fields": _LIST, "hops": _INT, "weak_matches": _INT,
}


def _endpoint(side, e):
    container = e["container"] or {}
    row = {f"{side}_{k}": e.get(k) for k in _ENDPOINT if k not in ("container", "image", "pod", "namespace", "task")}
    row[f"{side}_container"] = container.get("name") or container.get("id")
    row.update({f"{side}_{k}": container.get(k) for k in ("image", "pod", "namespace", "task")})
    return row


def _hop(document, started, hop):
    tls = hop["tls"] or {}
    row = {"trace_id": document["trace_id"], "first": started + pandas.Timedelta(hop["first_ns"] or 0, "ns")}
    row.update(_endpoint("from", hop["from"]))
    row.update(_endpoint("to", hop["to"]))
    row.update({k: hop.get(k) for k in _HOP})
    row.update({f"tls_{k}": tls.get(k) for k in ("version", "cipher", "sni")})
    return row


def _request(d):
    row = {k: d[k] for k in ("trace_id", "state", "weak_matches")}
    row["started"] = pandas.Timestamp(d["started"])
    row["ended"] = pandas.NaT if d["ended"] is None else pandas.Timestamp(d["ended"])
    row["operation"] = d["source"]["operation"]
    row["client_address"] = d["source"]["client"]["address"]
    row.update({k: d["ids"].get(k) for k in _IDS})
    row.update({k: d["completeness"][k] for k in ("complete", "lost_events", "lost_bytes", "reasons")})
    row["fields"] = [f["field"] for f in d["source"]["fields"]]
    row["hops"] = d["hops"]
    return row


def _frame(rows, columns):
    return pandas.DataFrame({k: pandas.Series([r[k] for r in rows], dtype=t) for k, t in columns.items()})


def hops(documents):
    rows = []
    for d in documents:
        started = pandas.Timestamp(d["started"])
        rows += [_hop(d, started, h) for h in d["hops"]]
    return _frame(rows, HOPS)


def requests(rows):
    return _frame([_request(d) for d in rows], REQUESTS)


LOSSES = {"from": _TIME, "to": _TIME, "events": _INT, "bytes": _INT, "why": _TEXT}


def losses(found):
    return _frame([{"from": pandas.Timestamp(loss["from_ns"], tz="UTC"), "to": pandas.Timestamp(loss["to_ns"], tz="UTC"),
                    **{k: loss[k] for k in ("events", "bytes", "why")}} for loss in found], LOSSES)
