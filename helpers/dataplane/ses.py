"""SES: who may send to whom, and where the mails go.

AWS: a mail is sent from a verified identity (an address, or a domain). An account begins in the sandbox: there the
recipients must be verified, too, or belong to the mailbox simulator; identities, the sandbox and all quotas are each
Region's own ("Verified identities in Amazon SES", "Regions and Amazon SES", "Service quotas in Amazon SES", Amazon SES
Developer Guide). Who breaks this gets MessageRejected (the words: AWS re:Post, ses-554-400-message-rejected-error).

Here: SendEmail of both APIs (``ses``, ``sesv2``) with a subject and a body; the account stays in the sandbox. The mails
do not leave this machine: ``Cloud.mailbox(address)`` shows them. An address is verified as soon as its identity is
there, where AWS sends it a mail with a link; a domain never is, because nobody could put its DNS records. Not built,
and answered so: raw and templated mails, bulk, domains by the older API, production access.

Differs: the sandbox's quotas (200 recipients in 24 hours, one a second) are not held, and the mailbox simulator takes
every mail; it neither bounces nor complains. Not sourced: the words about an identity that exists.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.utils import parseaddr
from typing import Any

from moto.ses.models import ses_backends

from helpers.dataplane.call import AWSError, Call, not_built
from helpers.dataplane.control_plane import forward, refuse
from helpers.dataplane.frontdoor import Address, Operation
from helpers.dataplane.record import Record
from helpers.dataplane.web import HttpResponse

SIMULATOR = "simulator.amazonses.com"
_LISTS = ("ToAddresses", "CcAddresses", "BccAddresses")
_REFUSED = {
    "ses": (
        "VerifyDomainIdentity",
        "VerifyDomainDkim",
        "SendRawEmail",
        "SendTemplatedEmail",
        "SendBulkTemplatedEmail",
        "SendCustomVerificationEmail",
    ),
    "sesv2": ("SendBulkEmail", "SendCustomVerificationEmail", "PutAccountDetails"),
}


@dataclass(frozen=True)
class Mail:
    """A mail that was sent; ``region`` is where."""

    region: str
    sender: str
    recipients: tuple[str, ...]
    subject: str
    text: str


class SesPlane:
    """One of SES's two APIs; ``mails`` takes what is sent."""

    def __init__(self, service: str, record: Record, mails: list[Mail]) -> None:
        self.service, self._record, self._mails = service, record, mails

    def operations(self) -> Mapping[str, Operation]:
        """Return what this plane answers, by operation."""
        own = {"sesv2": {"CreateEmailIdentity": self._create}}.get(self.service, {})
        return {"SendEmail": self._send, **own, **dict.fromkeys(_REFUSED[self.service], refuse)}

    def addresses(self) -> Mapping[str, Address]:
        """SES has no addresses of its own."""
        return {}

    def stop(self) -> None:
        """Nothing runs."""

    def _create(self, call: Call) -> HttpResponse:
        name, known = call.params["EmailIdentity"], _identities(call)
        if name in known:
            raise AWSError("AlreadyExistsException", f"Email identity {name} already exist.", 400)
        forward(call)
        known[name].verified_for_sending_status = "@" in name
        return call.reply({"IdentityType": known[name].identity_type, "VerifiedForSendingStatus": "@" in name})

    def _send(self, call: Call) -> HttpResponse:
        given = call.params
        if self.service == "ses":
            sender, message = given["Source"], given["Message"]
        elif "Simple" in given["Content"]:
            sender, message = given.get("FromEmailAddress", ""), given["Content"]["Simple"]
        else:
            raise not_built(f"a mail with {', '.join(given['Content'])} content")
        recipients = tuple(one for name in _LISTS for one in given["Destination"].get(name, []))
        _check(call, sender, recipients)
        response = forward(call)
        if response.status < 400:
            body = message["Body"]
            text = (body.get("Text") or body["Html"])["Data"]
            self._record.meter("ses", "mails", len(recipients))
            self._mails.append(Mail(call.region, sender, recipients, message["Subject"]["Data"], text))
        return response


def to(mails: Iterable[Mail], address: str) -> list[Mail]:
    """Return the mails to an address, the oldest first."""
    return [mail for mail in mails if address in [parseaddr(one)[1] for one in mail.recipients]]


def _identities(call: Call) -> dict[str, Any]:
    known: dict[str, Any] = ses_backends[call.account_id][call.region].email_identities
    return known


def _check(call: Call, sender: str, recipients: Iterable[str]) -> None:
    """Refuse a mail from or to an identity that is not verified in the Region.

    Raises
    ------
    AWSError
        ``MessageRejected``.
    """
    known = _identities(call)
    addresses = [parseaddr(one)[1] for one in (sender, *recipients)]
    failed = [
        one for index, one in enumerate(addresses) if one not in known and not (index and one.endswith(f"@{SIMULATOR}"))
    ]
    if failed:
        words = f"The following identities failed the check in region {call.region.upper()}: {', '.join(failed)}"
        raise AWSError("MessageRejected", f"Email address is not verified. {words}", 400)
