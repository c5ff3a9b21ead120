"""Which reason a person means who types a part of it."""

from cli.failures import Failure, UsageFailure
from cli.quarantine_answers import ReasonList
from cli.service import Service

#: Reasons that are named when a text fits several.
MOST_NAMED = 5


def find_reason(service: Service, text: str | None, stage: str | None) -> str | None:
    """Return the one reason meant by the text: any rejection's reason, a class of them, or a part of a class.

    Raises:
        Failure: there is none.
        UsageFailure: the text fits several.
    """
    if not text:
        return None
    exact = service.get(ReasonList, "/quarantine/reasons", reason=text, stage=stage)
    if exact.reasons:
        return exact.reasons[0].reason
    reasons = [group.reason for group in service.get(ReasonList, "/quarantine/reasons", stage=stage).reasons]
    fitting = [reason for reason in reasons if text.casefold() in reason.casefold()]
    if not fitting:
        raise Failure(f"Nothing in quarantine was rejected for “{text}”; `dateline quarantine list` shows the reasons.")
    if len(fitting) > 1:
        named = "; ".join(f"“{reason}”" for reason in fitting[:MOST_NAMED])
        raise UsageFailure(f"“{text}” fits {len(fitting)} reasons, say more of it: {named}")
    return fitting[0]
