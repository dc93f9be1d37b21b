"""SES in this cloud: where the mails are, what a template makes, and what is not built."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from helpers import cloud
from helpers.dataplane.record import Use

AUTHOR, READER = "hello@myblog.example", "success+ada@simulator.amazonses.com"
TEMPLATE = f"Resources:\n  Sender: {{Type: 'AWS::SES::EmailIdentity', Properties: {{EmailIdentity: {AUTHOR}}}}}"
CONTENT = {"Simple": {"Subject": {"Data": "Hello"}, "Body": {"Html": {"Data": "<p>Hello</p>"}}}}
DOMAIN = "myblog.example"


@pytest.fixture(autouse=True)
def running() -> Iterator[None]:
    """A cloud."""
    cloud.start(speed=60)
    yield
    cloud.stop()


def client(service: str) -> Any:
    """Return a client that does not try again."""
    return boto3.client(service, config=Config(retries={"total_max_attempts": 1}))


def test_a_mail_is_in_the_mailbox_of_each_recipient_and_of_nobody_else() -> None:
    client("sesv2").create_email_identity(EmailIdentity=AUTHOR)
    to = {"ToAddresses": [f"Ada <{READER}>"], "BccAddresses": [AUTHOR]}
    client("sesv2").send_email(FromEmailAddress=AUTHOR, Destination=to, Content=CONTENT)
    for address in (READER, AUTHOR):
        (mail,) = cloud.current().mailbox(address)
        assert (mail.region, mail.sender, mail.subject, mail.text) == ("us-east-1", AUTHOR, "Hello", "<p>Hello</p>")
    assert cloud.current().mailbox("eve@example.com") == []
    assert cloud.current().record.used()[Use("ses", "mails")] == 2


def test_a_template_makes_an_identity_and_takes_it_away() -> None:
    stacks, ses = client("cloudformation"), client("sesv2")
    stacks.create_stack(StackName="mail", TemplateBody=TEMPLATE)
    assert ses.get_email_identity(EmailIdentity=AUTHOR)["VerifiedForSendingStatus"]
    with pytest.raises(ClientError, match="already exist"):
        ses.create_email_identity(EmailIdentity=AUTHOR)
    stacks.delete_stack(StackName="mail")
    assert ses.list_email_identities()["EmailIdentities"] == []


def test_a_domain_is_never_verified() -> None:
    ses = client("sesv2")
    assert not ses.create_email_identity(EmailIdentity=DOMAIN)["VerifiedForSendingStatus"]
    with pytest.raises(ClientError, match="not verified"):
        ses.send_email(FromEmailAddress=AUTHOR, Destination={"ToAddresses": [READER]}, Content=CONTENT)


@pytest.mark.parametrize(
    ("service", "operation", "asked"),
    [
        ("ses", "send_raw_email", {"Source": AUTHOR, "RawMessage": {"Data": b"Hello"}}),
        ("ses", "verify_domain_identity", {"Domain": DOMAIN}),
        ("sesv2", "send_email", {"FromEmailAddress": AUTHOR, "Content": {"Raw": {"Data": b"Hello"}}}),
        ("sesv2", "put_account_details", {"MailType": "MARKETING", "WebsiteURL": "https://example.com"}),
    ],
)
def test_what_is_not_built_says_so(service: str, operation: str, asked: dict[str, Any]) -> None:
    with pytest.raises(ClientError, match="not built in this local cloud"):
        getattr(client(service), operation)(**asked)
