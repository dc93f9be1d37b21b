"""Deployment packages made in a cell: the zip that Lambda wants, from texts."""

from __future__ import annotations

import importlib.metadata
import io
import textwrap
import zipfile
from collections.abc import Mapping

_EPOCH = (1980, 1, 1, 0, 0, 0)


def package(files: Mapping[str, str | bytes], *, executable: tuple[str, ...] = ("bootstrap",)) -> bytes:
    """Return a zip of ``files``; the same files give the same bytes, so the same ``CodeSha256``.

    Parameters
    ----------
    files:
        Contents by path in the zip. A text may be indented, as it stands in a cell.
    executable:
        Paths that Lambda must be able to execute.

    Raises
    ------
    ValueError
        There are no files.
    """
    if not files:
        raise ValueError("a deployment package needs at least one file: package({'app.py': '...'})")
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in files.items():
            entry = zipfile.ZipInfo(path, _EPOCH)
            entry.external_attr = (0o755 if path in executable else 0o644) << 16
            data = text if isinstance(text, bytes) else textwrap.dedent(text).lstrip("\n").encode()
            archive.writestr(entry, data, zipfile.ZIP_DEFLATED)
    return content.getvalue()


def libraries(*names: str, under: str = "") -> dict[str, bytes]:
    """Return the files of installed distributions, by path, for ``package``; a layer wants them ``under="python/"``.

    On AWS: ``pip install NAME -t FOLDER``, then zip. The names are those on PyPI; what they need is named too.

    Raises
    ------
    importlib.metadata.PackageNotFoundError
        One is not installed.
    """
    files = [file for name in names for file in importlib.metadata.files(name) or []]
    kept = [file for file in files if file.suffix != ".pyc" and not {"..", "bin"} & set(file.parts)]
    return {under + file.as_posix(): file.read_binary() for file in kept}
