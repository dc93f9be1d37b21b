"""Look at notebooks as a learner sees them: Run All in JupyterLab, then a picture of every screenful.

``python -m tools.screenshots notebooks/02_lambda_functions.ipynb --out build/screenshots``

The notebook is copied first; the committed file is not changed. Ends with 1 where a cell failed or a diagram was not
drawn.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tools.lab_browser import PROJECT, browser_page, copy_for_reading, find_browser, run_all, serve


def main(arguments: list[str] | None = None) -> int:
    """Picture each named notebook; return 0 if all of them ran and all their diagrams were drawn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebooks", nargs="+", type=Path, metavar="NOTEBOOK")
    parser.add_argument("--out", type=Path, default=PROJECT / "build" / "screenshots", metavar="DIR")
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--height", type=int, default=1400)
    parser.add_argument("--seconds", type=float, default=180, help="longest wait for Run All")
    options = parser.parse_args(arguments)
    missing = [str(notebook) for notebook in options.notebooks if not notebook.is_file()]
    if missing:
        parser.error(f"no such notebook: {', '.join(missing)}")
    executable = find_browser()
    if executable is None:
        print("No Chromium or Chrome was found. Install one, or name it in the variable CHROMIUM.", file=sys.stderr)
        return 2
    failed = False
    with serve() as server, browser_page(executable, width=options.width, height=options.height) as page:
        for notebook in options.notebooks:
            result = run_all(
                page, server, copy_for_reading(notebook, server.folder), options.out, seconds=options.seconds
            )
            print(f"{notebook}: {len(result.code_cells)} code cells, {result.diagrams} diagrams drawn")
            for problem in result.problems:
                failed = True
                print(f"  PROBLEM {problem}")
            for picture in result.pictures:
                print(f"  {picture}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
