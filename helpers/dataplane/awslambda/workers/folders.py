"""Shows a Python function its environment's own folders under AWS's names: /var/task, /opt and /tmp.

AWS gives each sandbox its own file system. Here many sandboxes share the machine's, without containers, so the
functions of ``builtins``, ``io`` and ``os`` that take a path are wrapped: a path under one of those names lands in the
real folder, and writing to /var/task or /opt is refused, as AWS refuses it.

Differs: code in C that opens files by itself (except sqlite3) and child processes see the machine's real folders; they
find their own through TMPDIR. It is a convenience, not a protection: the function runs with the learner's rights.
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

_READS = "access chdir listdir listxattr lstat readlink scandir stat statvfs".split()
_CHANGES = "chmod chown mkdir mkfifo remove rmdir truncate unlink utime".split()
_CHANGES_TWO = "link rename replace symlink".split()
_NAMES = {"path", "file", "src", "dst"}
_getcwd = os.getcwd


class Folders:
    """``roots`` maps AWS's names to real folders; paths in one of the folders ``keep`` are real already."""

    def __init__(self, roots: dict[str, str], keep: list[str]) -> None:
        self._roots, self._keep = roots, tuple(folder + "/" for folder in keep)
        self._read_only = tuple(roots[name] + "/" for name in ("/var/task", "/opt"))

    def real(self, path: Any) -> Any:
        """Return the real path of what the function calls ``path``; anything but a path comes back as it is."""
        text = os.fspath(path) if isinstance(path, (str, os.PathLike)) else None
        if not isinstance(text, str) or (text + "/").startswith(self._keep):
            return path
        for name, folder in self._roots.items():
            if text == name or text.startswith(name + "/"):
                return folder + text[len(name) :]
        return path

    def shown(self) -> str:
        """Return the current folder under AWS's name."""
        here = _getcwd()
        for name, folder in self._roots.items():
            if (here + "/").startswith(folder + "/"):
                return name + here[len(folder) :]
        return here

    def wrap(self, function: Callable[..., Any], paths: int, changes: bool | None = False) -> Callable[..., Any]:
        """Return ``function`` with its first ``paths`` arguments made real.

        ``changes`` says whether it changes what is there; None where that depends on how a file is opened.
        """

        @functools.wraps(function)
        def redirected(*args: Any, **kwargs: Any) -> Any:
            real = [self.real(path) for path in args[:paths]]
            named = {name: self.real(kwargs[name]) for name in _NAMES & kwargs.keys()}
            if _writes(*args[1:2], **kwargs) if changes is None else changes:
                self._refuse([*real, *named.values()], kwargs)
            return function(*real, *args[paths:], **{**kwargs, **named})

        return redirected

    def _refuse(self, paths: list[Any], kwargs: dict[str, Any]) -> None:
        if any(kwargs.get(name) is not None for name in ("dir_fd", "src_dir_fd", "dst_dir_fd")):
            return  # relative to a folder that was opened before
        for path in paths:
            text = os.fspath(path) if isinstance(path, (str, os.PathLike)) else b""
            if isinstance(text, str) and os.path.join(_getcwd(), text).startswith(self._read_only):
                raise OSError(errno.EROFS, os.strerror(errno.EROFS), text)

    def install(self) -> None:
        """Wrap everything, for good."""
        for names, paths, changes in ((_READS, 1, False), (_CHANGES, 1, True), (_CHANGES_TWO, 2, True)):
            for name in names:
                self._replace(name, paths, changes)
        self._replace("open", 1, None)
        builtins.open = io.open = self.wrap(io.open, 1, None)
        os.getcwd = self.shown
        sys.path_hooks.insert(0, self._path_hook)
        sys.meta_path.insert(0, self)

    def _replace(self, name: str, paths: int, changes: bool | None) -> None:
        original = getattr(os, name, None)
        if original is not None:  # macOS has no listxattr
            wrapped = self.wrap(original, paths, changes)
            setattr(os, name, wrapped)
            for supported in (os.supports_dir_fd, os.supports_fd, os.supports_follow_symlinks):
                if original in supported:
                    supported.add(wrapped)

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


def _writes(how: Any = None, **kwargs: Any) -> bool:
    """Say whether a call of ``open`` (the flags of ``os.open``, or the mode of the builtin) opens for writing."""
    how = kwargs.get("flags", kwargs.get("mode", "r")) if how is None else how
    if isinstance(how, int):
        return bool(how & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
    return any(letter in how for letter in "wax+")
