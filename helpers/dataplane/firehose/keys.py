"""Names of the files that Firehose writes: prefixes with expressions, and the suffix that it chooses.

AWS: "Understand custom prefixes for Amazon S3 objects" and "Configure Amazon S3 object name format" (Amazon Data
Firehose Developer Guide): ``!{timestamp:...}`` is a Java date pattern, filled with the arrival of the oldest record in
the file, in UTC; ``!{firehose:error-output-type}`` says what failed, and stands in the error prefix only. A prefix
without a timestamp gets ``yyyy/MM/dd/HH/``.

Differs: ``random-string``, partition keys and custom time zones are not built. Unsourced: where an error prefix has no
expression, its type and the date are added as they are without an error prefix; the words of the refusals, but for the
missing error prefix.
"""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime

from helpers.dataplane.call import AWSError, not_built

FAILED = "processing-failed"
"""The error output type of records that the transformation did not manage."""
_DATE = "yyyy/MM/dd/HH/"
_TYPE = "firehose:error-output-type"
_EXPRESSION = re.compile(r"!\{([^}]*)\}")
_TOKEN = re.compile(r"'([^']*)'|(([A-Za-z])\3*)|([^A-Za-z']+)")
_FIELDS = {
    "yyyy": "%Y", "yy": "%y", "MM": "%m", "dd": "%d", "DDD": "%j", "HH": "%H", "mm": "%M", "ss": "%S",
}  # fmt: skip


def check(prefix: str, error_prefix: str) -> None:
    """Check the two prefixes of a destination.

    Raises
    ------
    AWSError
        ``InvalidArgumentException``; ``NotImplementedException`` for what is not built.
    """
    for text in (prefix, error_prefix):
        if text.count("!{") != len(_EXPRESSION.findall(text)):
            raise _invalid(f"the sequence !{{ can only appear in an expression !{{namespace:value}}: {text}")
        evaluated(text, datetime.now(UTC))
    expressions = _EXPRESSION.findall(prefix)
    if expressions and not error_prefix:
        raise _invalid("ErrorOutputPrefix cannot be null or empty when Prefix contains expressions")
    if _TYPE in expressions:
        raise _invalid(f"Prefix cannot contain !{{{_TYPE}}}")
    if _EXPRESSION.search(error_prefix) and _TYPE not in _EXPRESSION.findall(error_prefix):
        raise _invalid(f"ErrorOutputPrefix must contain at least one instance of !{{{_TYPE}}}")


def file_key(prefix: str, error_prefix: str, moment: datetime, kind: str = "") -> str:
    """Return the prefix of a file whose oldest record came at ``moment``; ``kind`` is its error output type, if any."""
    if not kind:
        dated = prefix if "!{timestamp:" in prefix else f"{prefix}!{{timestamp:{_DATE}}}"
    elif _EXPRESSION.search(error_prefix):
        dated = error_prefix
    else:
        dated = f"{error_prefix or prefix}!{{{_TYPE}}}/!{{timestamp:{_DATE}}}"
    return evaluated(dated, moment, kind)


def suffix(name: str, version: str, moment: datetime, extension: str) -> str:
    """Return the part of a key that Firehose chooses."""
    return f"{name}-{version}-{moment:%Y-%m-%d-%H-%M-%S}-{uuid.uuid4()}{extension}"


def evaluated(prefix: str, moment: datetime, kind: str = "") -> str:
    """Return a prefix with its expressions evaluated.

    Raises
    ------
    AWSError
        ``InvalidArgumentException`` or ``NotImplementedException``: there is no such expression.
    """

    def value(found: re.Match[str]) -> str:
        namespace, _, text = found[1].partition(":")
        if namespace == "timestamp":
            return _formatted(text, moment)
        if found[1] == _TYPE:
            return kind
        if namespace in ("firehose", "partitionKeyFromQuery", "partitionKeyFromLambda"):
            raise not_built(f"{found[0]} in a prefix")
        raise _invalid(f"unknown namespace in the expression {found[0]}")

    return _EXPRESSION.sub(value, prefix)


def _formatted(pattern: str, moment: datetime) -> str:
    """Return a moment in a pattern of Java's DateTimeFormatter."""
    parts = []
    for quoted, field, _, other in _TOKEN.findall(pattern):
        if field and field not in _FIELDS:
            raise not_built(f"{field} in the date pattern {pattern}")
        parts.append(moment.strftime(_FIELDS[field]) if field else quoted or other)
    return "".join(parts)


def _invalid(message: str) -> AWSError:
    return AWSError("InvalidArgumentException", message, 400)
