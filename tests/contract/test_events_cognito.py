"""What Cognito promises about the triggers of a user pool."""

from __future__ import annotations

import base64
import json
from typing import Any

from tests.contract.pushed import allow
from tests.contract.subjects import Subject, promise, refused

GUIDE = "Amazon Cognito Developer Guide, Customizing user pool workflows with Lambda triggers"
SIGN_UP = "Amazon Cognito Developer Guide, Pre sign-up Lambda trigger"
CONFIRMED = "Amazon Cognito Developer Guide, Post confirmation Lambda trigger"
TOKENS = "Amazon Cognito Developer Guide, Pre token generation Lambda trigger"
ECHO = "import json\ndef handler(event, context):\n    print('event', json.dumps(event))\n    return event"
CONFIRM = "def handler(event, context):\n    event['response']['autoConfirmUser'] = True\n    return event"
PASSWORD = "Bread-and-2-salts"
CLAIMS = """
def handler(event, context):
    event["response"]["claimsOverrideDetails"] = {
        "claimsToAddOrOverride": {"plan": event["request"]["userAttributes"]["email"]},
        "claimsToSuppress": ["email"],
        "groupOverrideDetails": {"groupsToOverride": ["bakers"]},
    }
    return event
"""
BOTH = """
def handler(event, context):
    event["response"]["claimsAndScopeOverrideDetails"] = {
        "idTokenGeneration": {"claimsToAddOrOverride": {"plan": "gold"}},
        "accessTokenGeneration": {"claimsToAddOrOverride": {"tier": "1"}, "scopesToAdd": ["shop/read"]},
    }
    return event
"""


class Pool:
    """A user pool with a client and a trigger."""

    def __init__(self, aws: Subject, source: str, *triggers: str, permitted: bool = True, version: str = "") -> None:
        self.idp = aws.client("cognito-idp")
        arn = aws.function(source).get_function(FunctionName="f")["Configuration"]["FunctionArn"]
        if permitted:
            allow(aws, "cognito-idp")
        config: dict[str, Any] = {trigger: arn for trigger in triggers}
        if version:
            config = {"PreTokenGenerationConfig": {"LambdaArn": arn, "LambdaVersion": version}}
        self.id = self.idp.create_user_pool(PoolName="shop", LambdaConfig=config)["UserPool"]["Id"]
        flows = ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
        made = self.idp.create_user_pool_client(UserPoolId=self.id, ClientName="web", ExplicitAuthFlows=flows)
        self.client_id = made["UserPoolClient"]["ClientId"]

    def sign_up(self, **settings: Any) -> Any:
        """Sign a user up."""
        attributes = [{"Name": "email", "Value": "ann@example.com"}]
        given = {"Username": "ann", "Password": PASSWORD, "UserAttributes": attributes}
        return self.idp.sign_up(ClientId=self.client_id, **given, **settings)

    def claims(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Sign the user in and return the claims of the ID token and of the access token."""
        flow = {"AuthFlow": "USER_PASSWORD_AUTH", "AuthParameters": {"USERNAME": "ann", "PASSWORD": PASSWORD}}
        tokens = self.idp.initiate_auth(ClientId=self.client_id, **flow)["AuthenticationResult"]
        return opened(tokens["IdToken"]), opened(tokens["AccessToken"])


def opened(token: str) -> dict[str, Any]:
    """Return the claims of a JWT."""
    middle = token.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4))))


@promise(SIGN_UP, "the trigger gets the user's attributes and the application's data before the user is made")
def test_event(aws: Subject) -> None:
    pool = Pool(aws, ECHO, "PreSignUp")
    assert pool.sign_up(ClientMetadata={"from": "web"})["UserConfirmed"] is False
    (line,) = [line for line in aws.logged() if line.startswith("event ")]
    event = json.loads(line.removeprefix("event "))
    assert (event["version"], event["triggerSource"]) == ("1", "PreSignUp_SignUp")
    assert (event["userPoolId"], event["userName"], event["region"]) == (pool.id, "ann", "us-east-1")
    assert event["callerContext"]["clientId"] == pool.client_id
    assert event["request"]["userAttributes"]["email"] == "ann@example.com"
    assert event["request"]["clientMetadata"] == {"from": "web"}
    assert event["response"] == {"autoConfirmUser": False, "autoVerifyEmail": False, "autoVerifyPhone": False}


@promise(SIGN_UP, "a trigger that answers autoConfirmUser confirms the user")
def test_auto_confirm(aws: Subject) -> None:
    pool = Pool(aws, CONFIRM, "PreSignUp")
    assert pool.sign_up()["UserConfirmed"] is True
    assert pool.idp.admin_get_user(UserPoolId=pool.id, Username="ann")["UserStatus"] == "CONFIRMED"


@promise(SIGN_UP, "an exception of the trigger refuses the user, with its words")
def test_refused(aws: Subject) -> None:
    pool = Pool(aws, "def handler(event, context): raise ValueError('bakers only')", "PreSignUp")
    with refused("UserLambdaValidationException", "PreSignUp failed with error bakers only.", 400):
        pool.sign_up()
    assert pool.idp.list_users(UserPoolId=pool.id)["Users"] == []


@promise(GUIDE, "a trigger that does not return the event is refused")
def test_no_answer(aws: Subject) -> None:
    pool = Pool(aws, "def handler(event, context): return None", "PreSignUp")
    with refused("InvalidLambdaResponseException", "Unrecognizable lambda output", 400):
        pool.sign_up()


@promise(GUIDE, "a function that does not let Cognito call it fails what the user does")
def test_not_allowed(aws: Subject) -> None:
    pool = Pool(aws, ECHO, "PreSignUp", permitted=False)
    with refused("UnexpectedLambdaException", "PreSignUp invocation failed due to error AccessDeniedException.", 400):
        pool.sign_up()


@promise(CONFIRMED, "the trigger is called when a user has been confirmed")
def test_post_confirmation(aws: Subject) -> None:
    pool = Pool(aws, ECHO, "PostConfirmation")
    pool.sign_up()
    assert not [line for line in aws.logged() if line.startswith("event ")]
    pool.idp.admin_confirm_sign_up(UserPoolId=pool.id, Username="ann")
    (line,) = [line for line in aws.logged() if line.startswith("event ")]
    event = json.loads(line.removeprefix("event "))
    assert event["triggerSource"] == "PostConfirmation_ConfirmSignUp"
    assert event["request"]["userAttributes"]["cognito:user_status"] == "CONFIRMED"


@promise(TOKENS, "version 1 changes the claims and the groups of the ID token")
def test_id_token(aws: Subject) -> None:
    pool = Pool(aws, CLAIMS, "PreTokenGeneration")
    pool.sign_up()
    pool.idp.admin_confirm_sign_up(UserPoolId=pool.id, Username="ann")
    identity, access = pool.claims()
    assert identity["plan"] == "ann@example.com" and "email" not in identity
    assert identity["cognito:groups"] == ["bakers"]
    assert "plan" not in access


@promise(TOKENS, "version 2 changes the access token and its scopes too, in one call")
def test_access_token(aws: Subject) -> None:
    pool = Pool(aws, BOTH, version="V2_0")
    pool.sign_up()
    pool.idp.admin_confirm_sign_up(UserPoolId=pool.id, Username="ann")
    identity, access = pool.claims()
    assert identity["plan"] == "gold" and "tier" not in identity
    assert access["tier"] == "1" and "shop/read" in access["scope"].split()
    assert aws.metric("Invocations") == 1
