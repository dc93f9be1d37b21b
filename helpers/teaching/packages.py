"""Deployment packages made in a cell: the zip that Lambda wants, from texts."""

from __future__ import annotations

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
