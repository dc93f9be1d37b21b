"""What SES promises about who may send to whom."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.subjects import Subject, promise, refused

IDENTITIES = "Amazon SES Developer Guide, Verified identities in Amazon SES"
REGIONS = "Amazon SES Developer Guide, Regions and Amazon SES"
AUTHOR, READER, STRANGER = "hello@myblog.example", "ada@example.com", "eve@example.com"
SIMULATOR = "success+ada@simulator.amazonses.com"
UNVERIFIED = "Email address is not verified. The following identities failed the check in region {}: {}"


def verify(aws: Subject, *addresses: str, region: str = "us-east-1") -> None:
    """Create identities of addresses."""
    for address in addresses:
        aws.client("sesv2", region).create_email_identity(EmailIdentity=address)


def send(aws: Subject, api: str, to: str, sender: str = AUTHOR, region: str = "us-east-1") -> dict[str, Any]:
    """Send a mail by one of the two APIs."""
    client, text = aws.client(api, region), {"Data": "Welcome!"}
    message: dict[str, Any] = {"Subject": text, "Body": {"Text": text}}
    where = {"Destination": {"ToAddresses": [to]}}
    if api == "ses":
        return dict(client.send_email(Source=sender, Message=message, **where))
    return dict(client.send_email(FromEmailAddress=sender, Content={"Simple": message}, **where))


@pytest.mark.parametrize("api", ["ses", "sesv2"])
@promise(IDENTITIES, "in the sandbox a mail goes from a verified address to a verified address")
def test_verified(aws: Subject, api: str) -> None:
    verify(aws, AUTHOR, READER)
    assert send(aws, api, READER, sender=f"MyBlog <{AUTHOR}>")["MessageId"]


@pytest.mark.parametrize("api", ["ses", "sesv2"])
@promise(IDENTITIES, "a sender who is not verified is refused, by name")
def test_sender(aws: Subject, api: str) -> None:
    verify(aws, READER)
    with refused("MessageRejected", UNVERIFIED.format("US-EAST-1", AUTHOR), 400):
        send(aws, api, READER)


@pytest.mark.parametrize("api", ["ses", "sesv2"])
@promise(IDENTITIES, "in the sandbox a recipient who is not verified is refused, by name")
def test_recipient(aws: Subject, api: str) -> None:
    verify(aws, AUTHOR)
    with refused("MessageRejected", UNVERIFIED.format("US-EAST-1", STRANGER), 400):
        send(aws, api, STRANGER)


@promise(IDENTITIES, "the mailbox simulator takes mails from the sandbox, and is no sender")
def test_simulator(aws: Subject) -> None:
    verify(aws, AUTHOR)
    assert send(aws, "sesv2", SIMULATOR)["MessageId"]
    with refused("MessageRejected", SIMULATOR):
        send(aws, "sesv2", AUTHOR, sender=SIMULATOR)


@promise(REGIONS, "an identity is verified in one Region, and not in the others")
def test_regions(aws: Subject) -> None:
    verify(aws, AUTHOR)
    with refused("MessageRejected", UNVERIFIED.format("EU-WEST-1", AUTHOR)):
        send(aws, "sesv2", SIMULATOR, region="eu-west-1")
    verify(aws, AUTHOR, region="eu-west-1")
    assert send(aws, "sesv2", SIMULATOR, region="eu-west-1")["MessageId"]


@pytest.mark.cloud(enforce_iam=True)
@promise("Service Authorization Reference, Amazon Simple Email Service v2", "a role needs ses:SendEmail on the sender")
def test_permission(aws: Subject) -> None:
    verify(aws, AUTHOR)
    allowed = f"arn:aws:ses:us-east-1:123456789012:identity/{AUTHOR}"
    source = f"""
import boto3
def handler(event, context):
    try:
        boto3.client("sesv2").send_email(
            FromEmailAddress="{AUTHOR}", Destination={{"ToAddresses": ["{SIMULATOR}"]}},
            Content={{"Simple": {{"Subject": {{"Data": "a"}}, "Body": {{"Text": {{"Data": "b"}}}}}}}},
        )
    except Exception as error:
        return str(error)
"""
    statement = {"Effect": "Allow", "Action": "ses:SendEmail", "Resource": allowed}
    may = {"Version": "2012-10-17", "Statement": [statement]}
    aws.function(source, "may", Role=aws.role("may", may))
    aws.function(
        source, "other", Role=aws.role("other", {**may, "Statement": [{**statement, "Resource": allowed + "x"}]})
    )
    assert aws.call(name="may").payload is None
    assert "not authorized to perform: ses:SendEmail" in aws.call(name="other").payload
