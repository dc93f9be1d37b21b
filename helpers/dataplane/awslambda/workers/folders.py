"""Shows a Python function its environment's own folders under AWS's names: /var/task, /opt and /tmp.

AWS gives each sandbox its own file system. Here many sandboxes share the machine's, without containers, so that the
functions of ``builtins``, ``io`` and ``os`` that take a path are wrapped: a path under one of those names lands in
the real folder, and writing to /var/task or /opt is refused, as AWS refuses it.

Differs: code in C that opens files by itself (except sqlite3) and child processes see the machine's real folders;
they find their own through TMPDIR. It is a convenience, not a protection: the function runs with the learner's
rights.
"""

import builtins
import errno
import functools
import importlib.machinery
import io
import os
import sys
from collections.abc import Callable
from typing import Any

_ONE_PATH = (
    "access chdir chmod chown listdir listxattr lstat mkdir mkfifo open readlink remove rmdir scandir stat statvfs"
)
_ONE_PATH += " truncate unlink utime"
_TWO_PATHS = "link rename replace symlink"
_CHANGES = set("chmod chown link mkdir mkfifo remove rename replace rmdir symlink truncate unlink utime".split())
_NAMES = {"path", "file", "src", "dst"}
_getcwd = os.getcwd


class Folders:
    """``roots`` maps AWS's names to real folders; paths that begin with one of ``keep`` are real already."""

    def __init__(self, roots: dict[str, str], keep: list[str]) -> None:
        self._roots, self._keep = roots, tuple(keep)
        self._read_only = tuple(roots[name] for name in ("/var/task", "/opt"))

    def real(self, path: Any) -> Any:
        """Return the real path of what the function calls ``path``; anything but text comes back as it is."""
        if not isinstance(path, (str, os.PathLike)):
            return path
        text = os.fspath(path)
        if isinstance(text, str) and text.startswith("/") and not text.startswith(self._keep):
            for name, folder in self._roots.items():
                if text == name or text.startswith(name + "/"):
                    return folder + text[len(name) :]
        return path

    def shown(self) -> str:
        """Return the current folder under AWS's name."""
        here = _getcwd()
        for name, folder in self._roots.items():
            if here == folder or here.startswith(folder + "/"):
                return name + here[len(folder) :]
        return here

    def wrap(self, function: Callable[..., Any], paths: int) -> Callable[..., Any]:
        """Return ``function`` with its first ``paths`` arguments made real."""

        @functools.wraps(function)
        def redirected(*args: Any, **kwargs: Any) -> Any:
            real = [self.real(path) for path in args[:paths]]
            kwargs = {
                key: self.real(value) if key in ("path", "file", "src", "dst") else value
                for key, value in kwargs.items()
            }
            if _changes(function.__name__, args, kwargs):
                self._refuse(real)
            return function(*real, *args[paths:], **kwargs)

        return redirected

    def _refuse(self, paths: list[Any]) -> None:
        for path in paths:
            if isinstance(path, str) and os.path.join(_getcwd(), path).startswith(self._read_only):
                raise OSError(errno.EROFS, os.strerror(errno.EROFS), path)

    def install(self) -> None:
        """Wrap everything, for good."""
        for names, paths in ((_ONE_PATH, 1), (_TWO_PATHS, 2)):
            for name in names.split():
                original = getattr(os, name, None)
                if original is not None:
                    wrapped = self.wrap(original, paths)
                    setattr(os, name, wrapped)
                    for supported in (os.supports_dir_fd, os.supports_fd, os.supports_follow_symlinks):
                        if original in supported:
                            supported.add(wrapped)
        builtins.open = io.open = self.wrap(io.open, 1)
        os.getcwd = self.shown
        sys.path_hooks.insert(0, self._path_hook)
        sys.meta_path.insert(0, self)

    def _path_hook(self, path: str) -> Any:
        """Let ``sys.path`` have folders under AWS's names."""
        if self.real(path) == path:
            raise ImportError
        return sys.path_hooks[-1](self.real(path))

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """Wrap ``sqlite3.connect`` when sqlite3 is imported: it opens its files itself."""
        if name != "_sqlite3":
            return None
        spec: Any = importlib.machinery.PathFinder.find_spec(name)
        if spec is not None:
            execute = spec.loader.exec_module

            def execute_and_wrap(module: Any) -> None:
                execute(module)
                module.connect = self.wrap(module.connect, 1)

            spec.loader.exec_module = execute_and_wrap
        return spec


def _changes(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    if name != "open":
        return name in _CHANGES
    how = args[1] if len(args) > 1 else kwargs.get("mode", kwargs.get("flags", "r"))
    if isinstance(how, int):
        return bool(how & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
    return any(letter in how for letter in "wax+")
