"""What Firehose calls with each batch: a reading in, a line of JSON out."""

import base64
import json


def handler(event, context):
    return {"records": [cleaned(record) for record in event["records"]]}


def cleaned(record):
    """Return what becomes of a record: a line for the lake, nothing, or an error."""
    answer = {"recordId": record["recordId"], "result": "Ok", "data": record["data"]}
    try:
        reading = json.loads(base64.b64decode(record["data"]))
        if reading.get("kind") == "heartbeat":
            return answer | {"result": "Dropped"}
        line = {
            "shop": reading["shop"],
            "fridge": reading["fridge"],
            "celsius": round((float(reading["fahrenheit"]) - 32) / 1.8, 2),
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        print("no reading:", type(error).__name__)
        return answer | {"result": "ProcessingFailed"}
    return answer | {"data": base64.b64encode(json.dumps(line).encode() + b"\n").decode()}
