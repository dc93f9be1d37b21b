"""The file of quotas: read strictly, the same numbers as AWS's models, the local cloud and the cells; flash cards."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any

import botocore.session
import IPython.display
import pytest

from helpers.dataplane.apigateway.caching import DEFAULT_TTL
from helpers.dataplane.apigateway.websocket.connection import LARGEST_FRAME, LARGEST_MESSAGE
from helpers.dataplane.quotas import DEFAULTS
from helpers.teaching import cards, quota, quota_file, quotas
from tools.notebook_files import PROJECT, read, source_of

CONTRACTS = "".join(path.read_text(encoding="utf-8") for path in (PROJECT / "tests" / "contract").glob("test_*.py"))
QUOTAS = list(quota_file.load().values())


def limit(service: str, shape: str, which: str = "max") -> int:
    """Return a limit of AWS's API model."""
    return int(botocore.session.get_session().get_service_model(service).shape_for(shape).metadata[which])


MODELS = {
    "lambda.memory_default": limit("lambda", "MemorySize", "min"),
    "lambda.tmp_default": limit("lambda", "EphemeralStorageSize", "min"),
    "async.retries": limit("lambda", "MaximumRetryAttempts"),
    "async.longest_age": limit("lambda", "MaximumEventAgeInSeconds"),
    "dynamodb.transaction": limit("dynamodb", "TransactWriteItemList"),
    "stepfunctions.data": limit("stepfunctions", "SensitiveData") // 1024,
    "kinesis.put_records": limit("kinesis", "PutRecordsRequestEntryList"),
}
CLOUD = {
    "concurrency.account": DEFAULTS["lambda.concurrent_executions"],
    "concurrency.unreserved": DEFAULTS["lambda.unreserved_concurrency_minimum"],
    "concurrency.scaling_rate": DEFAULTS["lambda.scaling_rate"],
    "api.requests_per_second": DEFAULTS["apigateway.requests_per_second"],
    "api.burst": DEFAULTS["apigateway.burst"],
    "api.cache_ttl_default": DEFAULT_TTL,
    "websocket.new_connections": DEFAULTS["apigateway.new_connections_per_second"],
    "websocket.frame": LARGEST_FRAME // 1024,
    "websocket.message": LARGEST_MESSAGE // 1024,
    "dynamodb.partition_writes": DEFAULTS["dynamodb.partition_write_units"],
    "dynamodb.partition_reads": DEFAULTS["dynamodb.partition_read_units"],
    "kinesis.shard_records": DEFAULTS["kinesis.shard_records_per_second"],
    "kinesis.shard_bytes": DEFAULTS["kinesis.shard_bytes_per_second"] // 1024**2,
}
PROMISES = {
    "lambda.timeout": "a timeout is at most 900 seconds",
    "lambda.memory": "memory is at most 10,240 MB",
    "lambda.tmp": "/tmp is at most 10,240 MB",
    "lambda.package_zipped": "a package in a request is at most 50 MB zipped",
    "lambda.package_unzipped": "a package is smaller than 250 MB when it is unzipped",
    "lambda.log_tail": "the tail is the last 4 KB of the log",
    "api.timeout": "an integration waits 50 ms to 29 seconds",
    "api.cache_ttl": "the time to live is at most 3,600 seconds, and 0 switches the cache off",
    "api.authorizer_ttl": "an answer is kept for 3,600 seconds at most",
    "websocket.frame": "a message may have 128 KB in frames of 32 KB",
    "websocket.message": "PostToConnection takes 128 KB and splits it into frames of 32 KB",
    "websocket.idle": "a connection without messages is closed after 10 minutes",
    "websocket.life": "no connection lives longer than 2 hours",
    "dynamodb.item": "an item has at most 400 KB, names included",
    "dynamodb.transaction": "a transaction 100 parts and 4 MB",
    "dynamodb.write_step": "a write costs a unit for each 1 KB, rounded up",
    "dynamodb.read_step": "a read costs a unit for each 4 KB",
    "dynamodb.burst": "up to 300 seconds of units can be spent at once",
    "dynamodb.partition_writes": "one partition key gets at most 1,000 write units a second",
    "stepfunctions.data": "a result over 256 KB is States.DataLimitExceeded",
    "xray.annotations": "up to 50 annotations of a trace are indexed",
    "edge.script_code": "10 KB of code and 2 MB of memory",
    "edge.script_memory": "10 KB of code and 2 MB of memory",
    "edge.viewer_timeout": "viewer events: 5 seconds and 128 MB; origin events: 30 seconds",
    "edge.viewer_memory": "viewer events: 5 seconds and 128 MB; origin events: 30 seconds",
    "edge.origin_timeout": "viewer events: 5 seconds and 128 MB; origin events: 30 seconds",
}


@pytest.mark.parametrize(("key", "value"), [*MODELS.items(), *CLOUD.items()])
def test_the_numbers_are_those_of_the_models_and_of_the_local_cloud(key: str, value: int) -> None:
    assert quota(key) == value


@pytest.mark.parametrize(("key", "promise"), PROMISES.items())
def test_the_numbers_are_those_of_the_contract_tests(key: str, promise: str) -> None:
    assert promise in CONTRACTS
    assert re.search(rf"(?<![\d,]){quota(key):,}(?![\d,])", promise)


@pytest.mark.parametrize("each", QUOTAS, ids=lambda each: each.key)
def test_a_cell_shows_the_number(each: quota_file.Quota) -> None:
    notebook = read(PROJECT / "notebooks" / f"{each.notebook}.ipynb")
    (cell,) = [cell for cell in notebook.cells if cell.id == each.cell]
    text = source_of(cell)
    for output in cell.get("outputs", []):
        text += output.get("text", "") + "".join(output.get("data", {}).get("text/markdown", ""))
    value = each.value
    words = {1: "one|a", 2: "two|twice", 5: "five", 25000: "25,000"}.get(value, str(value))
    assert re.search(rf"(?<![\d,.])({value}|{value:,}|{value:_}|{words})(?![\d])", text, re.IGNORECASE), text[:200]
    assert re.search(r"(Guide|Reference), \S", each.source)


def test_every_topic_can_be_shown(capsys: pytest.CaptureFixture[str]) -> None:
    for topic in dict.fromkeys(each.key.split(".")[0] for each in QUOTAS):
        quotas(topic)
    shown = capsys.readouterr().out
    assert all(each.amount in shown for each in QUOTAS)
    assert "| most memory | 10,240 MB | no |" in shown
    quotas()
    assert len(capsys.readouterr().out.splitlines()) == len(QUOTAS) + 2


def test_what_is_not_there_is_said() -> None:
    with pytest.raises(quota_file.QuotaError, match=r"the quotas are: lambda\.timeout, "):
        quota("lambda.patience")
    with pytest.raises(quota_file.QuotaError, match="the topics are: lambda, async, "):
        quotas("patience")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"value": "many"}, "line 2 .*value must be a whole number"),
        ({"adjustable": "perhaps"}, "adjustable yes, no or empty"),
        ({"key": "lambda.timeout_default"}, "line 3 .*used twice"),
        ({"source": None}, "the columns are key, service"),
    ],
)
def test_a_wrong_row_is_refused(change: dict[str, Any], words: str, tmp_path: Path) -> None:
    rows = [dict(vars(each)) for each in QUOTAS[:2]]
    rows[0] |= change
    columns = [name for name in rows[0] if rows[0][name] is not None]
    with (tmp_path / "quotas.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    with pytest.raises(quota_file.QuotaError, match=words):
        quota_file.load(tmp_path / "quotas.csv")


def test_cards_are_asked_and_flipped(capsys: pytest.CaptureFixture[str]) -> None:
    pack = cards("websocket")
    seen = []
    for _ in range(7):
        pack.ask()
        front = capsys.readouterr().out
        pack.flip()
        back = capsys.readouterr().out
        assert "WebSocket APIs: " in front and not re.search(r"\*\*", front)
        assert re.match(r"\*\*[\d,]+ ", back) and ".ipynb#cell-id=" in back
        seen.append(front)
    assert len(set(seen)) == 6 and seen[6] == seen[0], "after the last one comes the first again"


def test_cards_turn_as_widgets(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[Any] = []
    monkeypatch.setattr(quota_file.output, "in_notebook", lambda: True)
    monkeypatch.setattr(IPython.display, "display", shown.append)
    cards("edge").show()
    card, buttons = shown[0].children
    flip, following = buttons.children
    assert "1 of 5" in card.value and "10 KB" not in card.value
    flip.click()
    assert "10 KB" in card.value
    following.click()
    assert "2 of 5" in card.value
