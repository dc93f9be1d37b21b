"""A mail to each new subscriber; the stream of the table brings them."""

import os

import boto3

ses = boto3.client("sesv2")


def handler(event, context):
    """Welcome the subscribers of a batch; the first one whom we could not reach comes again, with all after her."""
    for record in event["Records"]:
        mail = record["dynamodb"]["NewImage"]["mail"]["S"]
        try:
            welcome(mail)
        except ses.exceptions.MessageRejected as refusal:
            print("NOT SENT", refusal)  # trying again would not help, and would hold up everybody after her
        except Exception as error:
            print("LATER", error)
            return {"batchItemFailures": [{"itemIdentifier": record["dynamodb"]["SequenceNumber"]}]}
    return {"batchItemFailures": []}


def welcome(mail):
    """Send one mail."""
    words = {"Subject": {"Data": "Welcome to MyBlog"}, "Body": {"Text": {"Data": "A post a week, and no more."}}}
    ses.send_email(
        FromEmailAddress=os.environ["SENDER"], Destination={"ToAddresses": [mail]}, Content={"Simple": words}
    )
