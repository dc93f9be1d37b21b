"""Run LocalStack on 127.0.0.1 until Ctrl+C: ``make localstack``."""

from __future__ import annotations

import argparse
import signal
import sys
import threading

from tools.localstack.server import NoLocalStack, running

PORT = 4566


def main() -> int:
    """Install it if need be, start it, say how a notebook gets there."""
    parser = argparse.ArgumentParser(prog="python -m tools.localstack", description=__doc__)
    parser.add_argument("--port", type=int, default=PORT, help=f"the port on 127.0.0.1 (default: {PORT})")
    parser.add_argument("--quiet", action="store_true", help="keep LocalStack's log to yourself")
    options = parser.parse_args()
    done = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: done.set())
    try:
        with running(options.port, log=not options.quiet) as address:
            host = "" if options.port == PORT else f"LOCALSTACK_HOST=localhost:{options.port} "
            print(f"LocalStack runs at {address}. It is the course's own: each cloud.start() empties it.")
            print(f"In another terminal: {host}COURSE_BACKEND=localstack make lab. Ctrl+C ends it.", flush=True)
            done.wait()
    except NoLocalStack as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
