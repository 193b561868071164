"""What an error of a store that speaks S3 means to a person.

https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html. An error's own text may repeat the key, a signature
or a token, so nothing of it is told but its code.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from forecourt.errors import Denied, ForecourtError, InvalidInput, NotFound, Unavailable

_CODE = re.compile(r"<Code>(\w{1,60})</Code>")
_STATUS = re.compile(r"status code: (\d{3})")
_DENIED = {
    "InvalidAccessKeyId": "does not know the access key",
    "SignatureDoesNotMatch": "does not accept the secret key",
    "AccessDenied": "denies access",
    "AllAccessDisabled": "denies access",
    "ExpiredToken": "says that the session token has expired",
    "InvalidToken": "does not accept the session token",
    "RequestTimeTooSkewed": "says that this machine's clock is wrong",
}
_REGION = frozenset({"PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"})
_LATER = frozenset({"SlowDown", "ServiceUnavailable", "InternalError", "RequestTimeout"})


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for, of which host, and whether by somebody with a key."""

    bucket: str
    path: str
    where: str
    region: str
    signed: bool


def refusal(text: str, status: int, asked: Asked) -> ForecourtError:
    """Return what an error means: `text` is the store's answer or the client's message, `status` 0 where it says it."""
    match = _CODE.search(text)
    code, where = match[1] if match else "", asked.where
    if not status and (said := _STATUS.search(text)):
        status = int(said[1])
    if code in _DENIED or (not code and status in (401, 403)):
        return _denied(_DENIED.get(code, "denies access"), asked)
    if code in _REGION or status == 301:
        return InvalidInput(
            f"The bucket {asked.bucket} is in another region than {asked.region}.",
            hint="Say which: AWS_DEFAULT_REGION, or the connection's region.",
        )
    if code == "NoSuchBucket":
        return NotFound(f"{where} has no bucket {asked.bucket}.", hint="Check its name and the endpoint.")
    if code == "InvalidBucketName":
        return InvalidInput(f"{asked.bucket!r} cannot be the name of a bucket.", hint="Write s3://bucket/path.")
    if code == "NoSuchKey" or status == 404 or "not found" in text.lower()[:200]:
        return NotFound(
            f"The bucket {asked.bucket} at {where} has no object {asked.path}, and none below it.",
            hint="Check the path: capital letters count.",
        )
    if code or status:
        later = code in _LATER or status >= 500
        what = code or f"status {status}"
        return Unavailable(f"{where} answered with an error: {what}.", hint="Try again later." if later else "")
    if "certificate" in text.lower():
        return Unavailable(
            f"The certificate of {where} is not trusted.",
            hint="Add its authority to this system's, or its certificate to the connection.",
        )
    return Unavailable(
        f"{where} cannot be reached.", hint="Check the connection's endpoint, and that the network leads there."
    )


def _denied(why: str, asked: Asked) -> Denied:
    what = f"{asked.bucket}/{asked.path}".rstrip("/")
    if asked.signed:
        return Denied(
            f"{asked.where} {why} ({what}).",
            hint="Check the connection's AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and what the key may do.",
        )
    return Denied(
        f"{asked.where} {why} ({what}) to those who have no key.",
        hint="Give a key: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a connection that has them.",
    )
