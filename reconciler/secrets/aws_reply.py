"""What the answers of AWS and the errors of boto3 mean, in words that quote nothing of them. Pure.

Codes: https://docs.aws.amazon.com/secretsmanager/latest/apireference/CommonErrors.html and the
errors of each operation there [documented, 2026-11-21].
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

MISSING: Final = "ResourceNotFoundException"
EXISTS: Final = "ResourceExistsException"
NOT_THERE: Final = "InvalidParameterException"
"""Also what a stage answers that is not where it was expected."""

_PASSING = frozenset({"InternalServiceError", "InternalFailure", "ThrottlingException"})
_SERVER_ERROR = 500
_SILENT = 0

_SIGN_IN = ("the AWS sign-in has expired", "run `aws sso login`, or set other credentials")
_INVALID = ("the AWS credentials are not valid", "check them, and this machine's clock")
_REFUSED = ("AWS refuses it as invalid", "look at the secret and its versions in AWS")

_WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "AccessDeniedException": (
        "access denied",
        "allow the actions that docs/secrets.md names on this secret and its KMS key",
    ),
    "DecryptionFailure": ("its KMS key cannot be used", "allow kms:Decrypt on that key"),
    "EncryptionFailure": ("its KMS key cannot be used", "allow kms:GenerateDataKey on that key"),
    "ExpiredTokenException": ("the AWS credentials have expired", "sign in to AWS again"),
    "UnrecognizedClientException": _INVALID,
    "InvalidSignatureException": _INVALID,
    "InvalidClientTokenId": _INVALID,
    MISSING: ("there is no such secret", "create it in AWS; by its ARN it cannot be created here"),
    "ValidationException": _REFUSED,
    NOT_THERE: _REFUSED,
    "InvalidRequestException": _REFUSED,
    "LimitExceededException": ("a quota of AWS is used up", "remove versions, or raise the quota"),
    "ThrottlingException": ("AWS asks to slow down", "run again in a while"),
    "NoCredentialsError": ("no AWS credentials are found", "set them as for any AWS tool"),
    "PartialCredentialsError": ("the AWS credentials are incomplete", "set both halves of the key"),
    "CredentialRetrievalError": ("the AWS credentials cannot be fetched", "sign in to AWS again"),
    "TokenRetrievalError": _SIGN_IN,
    "UnauthorizedSSOTokenError": _SIGN_IN,
    "SSOTokenLoadError": _SIGN_IN,
    "NoRegionError": ("no AWS region is set", "set AWS_REGION, or name the secret by its ARN"),
    "InvalidRegionError": ("the AWS region is malformed", "set AWS_REGION, such as eu-central-1"),
    "ProfileNotFound": ("the AWS profile is not there", "check AWS_PROFILE"),
    "SSLError": ("the certificate of AWS is not trusted", "AWS_CA_BUNDLE names a CA of your own"),
    "ProxyConnectionError": ("the proxy cannot be reached", "check HTTPS_PROXY"),
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. ``code`` is empty for success; ``status`` is 0 when nothing came."""

    body: Mapping[str, Any] = field(default_factory=dict, repr=False)
    code: str = ""
    status: int = 0
    is_marked: bool = False
    """Whether AWS refused because the secret is marked for deletion."""

    @property
    def is_doubtful(self) -> bool:
        """Whether what was asked for may have been done, or might be when asked again."""
        silent = self.status == _SILENT and self.code not in _WORDS
        return silent or self.status >= _SERVER_ERROR or self.code in _PASSING

    def why(self) -> tuple[str, str]:
        """Cause and mend."""
        if self.code in _WORDS:
            return _WORDS[self.code]
        if self.status == _SILENT:
            return "AWS cannot be reached", "check the region, AWS_ENDPOINT_URL and the network"
        if not self.code:
            return "the end point does not answer as AWS does", "check AWS_ENDPOINT_URL"
        return f"AWS answered {self.code}", "run again in a while, or look at the secret in AWS"
