"""What a bucket's refusal means to the user. Knows boto3's errors, not the store's operations.

A message holds our names and the server's short error code, never the server's own text: that one may repeat
key ids, signatures or a whole page of HTML.
"""

import re
from typing import Literal
from urllib.parse import urlsplit

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    PartialCredentialsError,
    SSLError,
)

from job.artifacts.store import STORES_THAT_WORK
from job.errors import ConfigError, JobError, StorageForbidden, StorageUnavailable

Action = Literal["read", "write", "list", "delete"]

S3_FAILURES = (ClientError, BotoCoreError)

_PERMISSIONS: dict[Action, str] = {
    "read": "s3:GetObject on the objects, and s3:ListBucket on the bucket (without it an absent object looks "
    "forbidden)",
    "write": "s3:PutObject and s3:GetObject on the objects",
    "list": "s3:ListBucket on the bucket",
    "delete": "s3:DeleteObject on the objects",
}
_NO_BUCKET = {"NoSuchBucket", "InvalidBucketName"}
_BAD_KEYS = {
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "InvalidToken",
    "ExpiredToken",
    "ExpiredTokenException",
    "TokenRefreshRequired",
}
_OTHER_REGION = {"PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"}
_THROTTLED = {408, 409, 429}
_BUSY = {"SlowDown", "RequestTimeout", "ServiceUnavailable", "InternalError"}
_CONFLICTS = {"ConditionalRequestConflict", "OperationAborted"}
# Of what TLS meets: a bundle of authorities that cannot be read, and a certificate that is not to be believed. All else
# may pass.
_NO_BUNDLE = re.compile(r"\[Errno|\[X509")
_NOT_VERIFIED = re.compile(r"CERTIFICATE_VERIFY_FAILED|WRONG_VERSION_NUMBER|doesn't match")
_CHECK_KEYS = "Check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, with temporary keys, AWS_SESSION_TOKEN."
_KEYS_OF_PODS = "In a cluster they are keys of the Secret lorentzian-store, unless yours is called otherwise."
_TRY_AGAIN = "Check the store and the network, then start the command again; finished work is kept."


def is_failed_condition(error: ClientError) -> bool:
    """Whether a conditional write found another object than it asked for; AWS says 404 for none at all."""
    return _status(error) == 412 or error.response.get("Error", {}).get("Code") == "NoSuchKey"


def is_unchanged(error: ClientError) -> bool:
    """Whether a conditional read found the object that the reader already has."""
    return _status(error) == 304


def is_conflict(error: ClientError) -> bool:
    """Whether a conditional write met another one in flight: nothing is decided, and it should be repeated."""
    return error.response.get("Error", {}).get("Code") in _CONFLICTS


def not_s3(where: str) -> ConfigError:
    """Say that something answers, in another language."""
    return ConfigError(
        f"What answers for {where} does not speak the S3 protocol.", remedy="Correct AWS_ENDPOINT_URL_S3."
    )


def explain(
    error: ClientError | BotoCoreError,
    *,
    action: Action,
    key: str,
    location: str,
    endpoint: str,
) -> JobError:
    """Say in one sentence what failed, where and why.

    Parameters
    ----------
    action, key : what was tried on which object; the key is empty for `list`.
    location : ``s3://bucket/prefix``.
    endpoint : URL of the server; only its host and port are shown.
    """
    where = f"{location} at {_host(endpoint)}"
    if isinstance(error, ClientError):
        return _explain_answer(error, action=action, key=key, where=where)
    if isinstance(error, (NoCredentialsError, PartialCredentialsError)):
        return ConfigError(f"There are no complete access keys for {where}.", remedy=f"{_CHECK_KEYS} {_KEYS_OF_PODS}")
    if isinstance(error, SSLError) and _NO_BUNDLE.search(str(error)):
        return ConfigError(
            f"The authorities that are to vouch for {where} cannot be read.",
            remedy="Point AWS_CA_BUNDLE to a file of certificates in PEM.",
        )
    if isinstance(error, SSLError) and _NOT_VERIFIED.search(str(error)):
        return ConfigError(
            f"The certificate of {where} cannot be verified.",
            remedy="Point AWS_CA_BUNDLE to the authority's certificate, or correct AWS_ENDPOINT_URL_S3.",
        )
    return StorageUnavailable(f"{where} did not answer ({type(error).__name__}).", remedy=_TRY_AGAIN)


def _explain_answer(error: ClientError, *, action: Action, key: str, where: str) -> JobError:
    """The server answered, with a refusal: the first case that applies."""
    code, status = _code(error), _status(error)
    task = f"{action} {key} in {where}" if key else f"{action} {where}"
    is_away = status >= 500 or status in _THROTTLED or code in _BUSY
    cases: list[tuple[bool, type[JobError], str, str]] = [
        (
            code in _NO_BUCKET,
            ConfigError,
            f"The bucket of {where} does not exist.",
            "Create it, or correct --save-path.",
        ),
        (code in _BAD_KEYS, ConfigError, f"{where} refused the access keys ({code}).", _CHECK_KEYS),
        (
            code == "RequestTimeTooSkewed",
            StorageUnavailable,  # of this machine alone: a pod that starts again may find itself on another
            f"The clocks of this machine and of {where} are too far apart.",
            "Set this machine's clock, or run on another one.",
        ),
        (
            code in _OTHER_REGION or status in {301, 307},
            ConfigError,
            f"The bucket of {where} lives in another region.",
            "Set AWS_REGION to the bucket's region.",
        ),
        (
            status == 403,
            StorageForbidden,
            f"The access keys may not {task} ({code}).",
            f"Grant them {_PERMISSIONS[action]}.",
        ),
        (
            code == "NotImplemented" or status == 501,
            ConfigError,
            f"The store cannot {task}: it has no conditional writes.",
            f"Use a store that has them: {STORES_THAT_WORK}.",
        ),
        (
            is_away,
            StorageUnavailable,
            f"The store could not {task} after every retry ({code}, HTTP {status}).",
            _TRY_AGAIN,
        ),
        (
            True,
            ConfigError,
            f"The store refused to {task} ({code}, HTTP {status}).",
            "Check --save-path and AWS_ENDPOINT_URL_S3.",
        ),
    ]
    return next(kind(message, remedy=remedy) for applies, kind, message, remedy in cases if applies)


def _code(error: ClientError) -> str:
    """The server's error code when it looks like one: it may be anything."""
    code = error.response.get("Error", {}).get("Code", "")
    return code if re.fullmatch(r"[A-Za-z][A-Za-z0-9.]{0,63}", code) else "no error code"


def _status(error: ClientError) -> int:
    return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)


def _host(endpoint: str) -> str:
    """Host and port of a URL, without the user name and password that some people put there."""
    return urlsplit(endpoint).netloc.rpartition("@")[2]
