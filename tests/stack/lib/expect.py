"""What each leg must hold for one chat: how often the query stands there, in which spelling.

The numbers are those of the captures of a running Dify 1.13.3 (tests/golden), summed over the
connections of a leg. A leg that is not named must not hold the query at all.
"""
SPEAKS = {"workflow": {"sql_raw": 1, "sql_json_ascii": 7},
          "chat": {"sql_raw": 1, "sql_json_ascii": 1}}
HEARS = {"workflow": {"raw": 7, "json_ascii": 7}, "chat": {"raw": 6}}


def legs(app: str, mode: str) -> dict[tuple[str, str], dict[str, int]]:
    runner = "worker" if (app, mode) == ("workflow", "streaming") else "api"
    expected = {
        ("alb", "api"): {"json_utf8": 1},
        (runner, "postgres"): SPEAKS[app],
        ("postgres", runner): HEARS[app],
        (runner, "plugin-daemon"): {"json_ascii": 1},
    }
    if runner == "worker":
        expected |= {
            ("api", "redis"): {"base64": 1},
            ("redis", "worker"): {"base64": 1},
            # The unacked hash, and four echoes among the published events.
            ("worker", "redis"): {"base64": 1, "json_utf8": 4},
            ("redis", "api"): {"json_utf8": 4},
            ("api", "alb"): {"json_utf8": 4},
        }
    return expected


def differences(expected: dict, seen: dict) -> list[str]:
    lines = []
    for leg in sorted(set(expected) | set(seen)):
        want, have = expected.get(leg, {}), seen.get(leg, {})
        if want != have:
            lines.append(f"{leg[0]} -> {leg[1]}: expected {want}, saw {have}")
    return lines
