"""The web page of MyTodoList, with the two things that it has to know: where to sign in, and as which app."""

import os
from pathlib import Path

import boto3

PAGE = Path(__file__).with_name("index.html").read_text()
PAGE = PAGE.replace("CLIENT_ID", os.environ["CLIENT_ID"])
PAGE = PAGE.replace("SIGN_IN_ADDRESS", boto3.client("cognito-idp").meta.endpoint_url)


def handler(event, context):
    """Answer with the page: it holds nothing secret, so it needs no sign-in."""
    return {"statusCode": 200, "headers": {"Content-Type": "text/html; charset=utf-8"}, "body": PAGE}
