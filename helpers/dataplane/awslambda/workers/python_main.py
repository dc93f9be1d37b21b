"""Where a Python runtime process begins: arranges paths and folders as AWS has them, then starts the runtime's client.

It is run as ``python -I -S python_main.py CONFIG``, with JSON from ``sandbox.py``; what follows is what AWS runs, the
same as ``python -m awslambdaric HANDLER``.
"""

import _sitebuiltins
import builtins
import importlib
import json
import os
import sys
from typing import Any


def _own_module(folder: str, name: str) -> Any:
    """Import a module of ours, and leave its name to the function, which may well have a module of that name."""
    sys.path.insert(0, folder)
    module = importlib.import_module(name)
    del sys.path[0], sys.modules[name]
    return module


def main() -> None:
    """Run the client that CONFIG names, for good."""
    config = json.loads(sys.argv[1])
    here = os.path.dirname(os.path.abspath(__file__))
    folders = _own_module(here, "folders")
    sys.path[:0] = config["path"]
    sys.argv = ["/var/runtime/bootstrap.py", config["handler"]]
    if config["client"] == "awslambdaric":
        from awslambdaric import __main__, bootstrap

        run, of_traceback = __main__.main, bootstrap.extract_traceback
        bootstrap.extract_traceback = lambda tb: [frame for frame in of_traceback(tb) if frame[0] != folders.__file__]
    else:
        run = _own_module(here, "python_bootstrap").main
    # site, which python -S leaves out, would have made these
    builtins.exit = builtins.quit = _sitebuiltins.Quitter("exit", "Ctrl-D (i.e. EOF)")
    sys.dont_write_bytecode = True  # /var/task and /opt are read-only
    folders.Folders(config["roots"], config["keep"]).install()
    if config["gate"]:
        _own_module(here, "vpc").install(config["gate"])
    run(sys.argv)


main()
