"""Checks of the lab busy_api: they look at plans and settings, and ask the box office as its clients do."""

from __future__ import annotations

from typing import Any

import boto3
from theatre import API, SEATS, SHOW, SHOWS, STAGE, api_id, ask, drained, keys
from words import HINTS, WHY

from helpers.teaching.checks import Lab, not_attempted, wrong

CLIENTS = ("website", "agency")
SHELTER, AGENCY = {"rate": 2, "burst": 10}, {"rate": 1, "burst": 3}
UNLIMITED, TTL = 5000, 60
CHOSEN = "method.request.path.show"

lab = Lab("busy_api")


def gateway() -> Any:
    """Return a client of API Gateway."""
    return boto3.client("apigateway")


def stage() -> dict[str, Any]:
    """Return the stage prod."""
    return dict(gateway().get_stage(restApiId=api_id(), stageName=STAGE))


def own(path: str) -> dict[str, Any]:
    """Return the stage's settings of one method alone."""
    settings, key = stage().get("methodSettings", {}), f"{path.replace('/', '~1')}/GET"
    return dict(settings.get(key) or settings.get(key.removeprefix("~1")) or {})


def of_all() -> dict[str, Any]:
    """Return the stage's settings of all methods."""
    return dict(stage().get("methodSettings", {}).get("*/*") or {})


def plan_of(client: str) -> dict[str, Any]:
    """Return the usage plan of a client's key for the stage prod; an empty one where there is none."""
    if client not in keys():
        return {}
    for plan in gateway().get_usage_plans(keyId=keys()[client]["id"])["items"]:
        if any((one["apiId"], one["stage"]) == (api_id(), STAGE) for one in plan.get("apiStages", [])):
            return dict(plan)
    return {}


def value(client: str) -> str:
    """Return the value of a client's key, once that client may ask."""
    if not plan_of(client):
        not_attempted(f"The {client} cannot ask yet: first its key has to work.")
    return str(keys()[client]["value"])


@lab.task("keys", hints=HINTS["keys"], why=WHY["keys"])
def two_keys() -> None:
    """Website and agency have keys that work, each in a plan of its own."""
    known = keys()
    if not any(client in known for client in CLIENTS):
        not_attempted("There is no key called `website` and none called `agency` yet.")
    for client in CLIENTS:
        if client not in known:
            wrong(f"There is no key called `{client}` yet. The keys are: {', '.join(sorted(known))}.")
        if not known[client]["enabled"]:
            wrong(f"The key `{client}` is not enabled: API Gateway refuses it as if it did not exist.")
        plans = gateway().get_usage_plans(keyId=known[client]["id"])["items"]
        if not plans:
            wrong(f"The key `{client}` is in no usage plan. A key alone opens nothing.")
        if not plan_of(client):
            wrong(f"The key `{client}` is in the plan {plans[0]['name']}, which does not name stage {STAGE} of {API}.")
        status, answer = ask("shows", known[client]["value"])
        if status == 403:
            wrong(f"The box office refuses the key `{client}`.", said=answer.get("message"))
    if plan_of("website")["id"] == plan_of("agency")["id"]:
        wrong("Both keys are in one plan, so both will always have the same limits. Give each a plan of its own.")


@lab.task("shelter", hints=HINTS["shelter"], why=WHY["shelter"])
def shelter() -> None:
    """Seats may be asked for 10 times at once and twice a second; the other methods are not limited."""
    limits = limits_of(own(SEATS))
    everybody = limits_of(of_all())
    if everybody["burst"] < UNLIMITED:
        wrong("You have limited every method: the list of shows is refused as well. Name the method of the seats.")
    if limits["burst"] >= UNLIMITED and limits["rate"] >= UNLIMITED:
        not_attempted("The seats can still be asked for without a limit.")
    for path in (SHOWS, SHOW):
        if limits_of(own(path))["burst"] < UNLIMITED:
            wrong(f"`GET {path}` is limited. Only `GET {SEATS}` is slow.")
    if limits == {"rate": SHELTER["burst"], "burst": SHELTER["rate"]}:
        wrong("Rate and burst are exchanged: the burst is the bucket's size, the rate is how fast it fills.")
    if limits != SHELTER:
        wrong(f"Rate {limits['rate']:g}, burst {limits['burst']}: it should be rate 2, burst 10.")
    key = value("website")
    drained()
    if not any(ask("shows/hamlet/seats", key)[0] == 429 for _ in range(SHELTER["burst"] + 5)):
        wrong("The settings are right, but 15 requests at once all got an answer.")


def limits_of(settings: dict[str, Any]) -> dict[str, float]:
    """Return rate and burst of settings; what is not set is as if it were the account's."""
    rate, burst = settings.get("throttlingRateLimit", UNLIMITED * 2), settings.get("throttlingBurstLimit", UNLIMITED)
    return {"rate": rate if rate >= 0 else UNLIMITED * 2, "burst": burst if burst >= 0 else UNLIMITED}


@lab.task("flood", hints=HINTS["flood"], why=WHY["flood"])
def flood() -> None:
    """The agency's plan lets 3 requests through at once and one a second; the website's plan does not limit it so."""
    website, agency = value("website"), value("agency")
    limits, free = plan_of("agency").get("throttle"), plan_of("website").get("throttle")
    if not limits and not free:
        not_attempted("No plan has a rate yet.")
    if free and free.get("burstLimit", UNLIMITED) < 50:
        wrong("The website's plan has the limit. It is the agency that floods you.")
    if not limits:
        wrong("The agency's plan has no rate and no burst.")
    given = {"rate": limits.get("rateLimit", 0), "burst": limits.get("burstLimit", 0)}
    if given == {"rate": AGENCY["burst"], "burst": AGENCY["rate"]}:
        wrong("The agency's rate and burst are exchanged: three may come at once, one a second for long.")
    if given != AGENCY:
        wrong(f"The agency's plan has rate {given['rate']:g}, burst {given['burst']}: it should be rate 1, burst 3.")
    drained()
    passed = sum(ask("shows", agency)[0] == 200 for _ in range(12))
    if passed > AGENCY["burst"] + 2:
        wrong(f"The plan is right, but of 12 requests of the agency {passed} got an answer.")
    if any(ask("shows", website)[0] != 200 for _ in range(12)):
        wrong("Now the website is refused as well.")


@lab.task("cache", hints=HINTS["cache"], why=WHY["cache"])
def cache() -> None:
    """The shows come from the cache for a minute, the seats never."""
    cluster = stage().get("cacheClusterEnabled")
    cached = {path: own(path).get("cachingEnabled", of_all().get("cachingEnabled")) for path in (SHOWS, SHOW, SEATS)}
    if not cluster and not any(cached.values()):
        not_attempted("Nothing is cached yet.")
    if not cluster:
        wrong("Methods want to be cached, but the stage has no cache: `/cacheClusterEnabled`.")
    if not any(cached.values()):
        wrong("The stage has a cache, and you pay for it by the hour, but no method uses it.")
    if cached[SEATS]:
        wrong("The seats are cached: for a minute everybody sees the same free seats, and two buy the same one.")
    for path in (SHOWS, SHOW):
        if not cached[path]:
            wrong(f"`GET {path}` does not use the cache yet.")
        ttl = own(path).get("cacheTtlInSeconds", of_all().get("cacheTtlInSeconds"))
        if ttl != TTL:
            wrong(f"`GET {path}` is kept for {ttl} seconds. The theatre wants {TTL}.")
    key = value("website")
    runs = [ask("shows", key)[1].get("run") for _ in range(3)]
    if len(set(runs)) > 1:
        wrong("The settings are right, but three requests for the list of shows made the function run each time.")


@lab.task("pages", hints=HINTS["pages"], why=WHY["pages"])
def pages() -> None:
    """Each show has its own entry in the cache."""
    if not stage().get("cacheClusterEnabled"):
        not_attempted("Nothing is cached yet.")
    chosen = {path: chosen_of(path) for path in (SHOWS, SHOW, SEATS)}
    if not any(chosen.values()):
        not_attempted("Who asks for King Lear may get Hamlet.")
    if CHOSEN not in chosen[SHOW]:
        where = next(path for path, names in chosen.items() if names)
        wrong(f"`GET {where}` has a cache key now, but `GET {SHOW}` has none with the show's name.")
    key = value("website")
    answers = {show: ask(f"shows/{show}", key)[1] for show in ("hamlet", "lear")}
    for show, answer in answers.items():
        if show not in str(answer.get("path")):
            wrong(f"Who asks for {show} still gets another show. Is the change deployed?", said=answer)
    if ask("shows/lear", key)[1] != answers["lear"]:
        wrong("Each show is told apart, but none is kept: the function runs for each request.")


def chosen_of(path: str) -> list[str]:
    """Return the cache key parameters of a method's integration, as they are now, deployed or not."""
    resources = gateway().get_resources(restApiId=api_id())["items"]
    resource = next(one["id"] for one in resources if one["path"] == path)
    integration = gateway().get_integration(restApiId=api_id(), resourceId=resource, httpMethod="GET")
    return list(integration.get("cacheKeyParameters") or [])


@lab.task("logs", hints=HINTS["logs"], why=WHY["logs"])
def logs() -> None:
    """Errors are logged, and the agency's flood is among them."""
    role = gateway().get_account().get("cloudwatchRoleArn")
    level = of_all().get("loggingLevel") or own(SEATS).get("loggingLevel")
    if not role and not level:
        not_attempted("Nothing is logged yet.")
    trust = boto3.client("iam").get_role(RoleName=role.rpartition("/")[2])["Role"]["AssumeRolePolicyDocument"]
    if "apigateway.amazonaws.com" not in str(trust):
        wrong("API Gateway cannot use the role: its trust policy has to name `apigateway.amazonaws.com`.")
    if not level or level == "OFF":
        wrong("The account has a role for logs, but the stage has no log level.")
    if level != "ERROR":
        wrong("Level INFO writes seven lines for each request, and you pay for each. Choose ERROR.")
    if not refused_in_log():
        wrong("No refused request is in the log. Let the crowd come once more.")


def refused_in_log() -> bool:
    """Whether the log of the stage has a client that was refused by its plan."""
    group, client = f"API-Gateway-Execution-Logs_{api_id()}/{STAGE}", boto3.client("logs")
    if not client.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
        return False
    events = client.filter_log_events(logGroupName=group)["events"]
    return any("exceeded throttle limit" in event["message"] for event in events)
