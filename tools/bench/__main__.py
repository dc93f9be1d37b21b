"""Measure the local cloud beside others, in one run on one machine, and write docs/benchmarks.md.

``make bench`` measures this course's cloud (in a kernel, and over HTTP) and moto's own server; ``make bench
WITH=ministack`` also ministack, in a virtual environment of its own below build/. Absolute times depend on the machine;
what counts is the ratio between columns of one run. No test depends on a time.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from datetime import date
from importlib.metadata import version

from tests.soak.soak import run
from tools.bench.clouds import PROJECT, course, course_over_http, ministack, moto_server
from tools.bench.notebooks import of_notebooks
from tools.bench.report import TITLES, of_clouds
from tools.servers import MINISTACK

REPORT = PROJECT / "docs" / "benchmarks.md"
SOAKED = 5000


def machine() -> str:
    """Return what was measured on, and with which versions."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("boto3", "moto", "awslambdaric"))
    return (
        f"{date.today():%d %B %Y}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, {packages}"
    )


INTRODUCTION = """\
# Benchmarks

How fast the local cloud is beside others, measured through plain boto3 by `make bench` (`make bench WITH=ministack` for
the last column) in one run on one machine. Times depend on the machine; what counts is the ratio between columns. Each
figure is the median of three runs. A dash: not measured, or not possible (moto's server runs functions in Docker only).
"""


def soak() -> str:
    """Let many messages through a function that often fails, check that none is lost, and say what happened."""
    found = run(SOAKED, 600)
    return (
        f"Soak (tests/soak): {SOAKED:,} messages through SQS to a function that fails, crashes and is switched off: "
        f"{found['processed']:,} processed once, {found['dead']:,} in the dead-letter queue, none lost, "
        f"in {found['seconds']:.1f} s."
    )


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench")
    parser.add_argument("--with", dest="others", default="", help="another cloud to measure: ministack")
    parser.add_argument("--no-notebooks", action="store_true", help="measure the clouds only, and write nothing")
    options = parser.parse_args()
    subjects = {"course": course, "course over HTTP": course_over_http, "moto_server": moto_server}
    if options.others == "ministack":
        subjects["ministack"] = ministack
    elif options.others:
        parser.error(f"{options.others!r} cannot be measured: only ministack can")
    columns = {}
    for name, measure in subjects.items():
        print(f"measuring {TITLES[name]} ...", file=sys.stderr, flush=True)
        columns[name] = measure()
    versions = machine() + (f", ministack {MINISTACK}" if "ministack" in columns else "")
    clouds = of_clouds(columns)
    print("\n".join([versions, "", *clouds, ""]), flush=True)
    if not options.no_notebooks:
        soaked = soak()
        print(soaked + "\n", flush=True)
        notebooks = of_notebooks(sorted((PROJECT / "notebooks").glob("*.ipynb")))
        print("\n".join(notebooks))
        REPORT.write_text(
            "\n".join([INTRODUCTION, versions + ".", "", *clouds, "", soaked, "", *notebooks, ""]), encoding="utf-8"
        )


if __name__ == "__main__":
    main()
