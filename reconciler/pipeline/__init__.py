"""The one place where stages meet: validate, plan, apply, drift, verify, forecast and the rest."""

from reconciler.pipeline.applying import apply, plan
from reconciler.pipeline.asking import (
    acknowledge,
    drift,
    estimate,
    forecast,
    rotations,
    verify,
)
from reconciler.pipeline.survey import Expectation, RotateRequest, find
from reconciler.pipeline.validating import Validation, validate

__all__ = [
    "Expectation",
    "RotateRequest",
    "Validation",
    "acknowledge",
    "apply",
    "drift",
    "estimate",
    "find",
    "forecast",
    "plan",
    "rotations",
    "validate",
    "verify",
]
