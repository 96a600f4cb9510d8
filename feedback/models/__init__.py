from feedback.models.api_token import ApiToken
from feedback.models.approval_rule import ApprovalRule
from feedback.models.audit import Audit, AuditSet
from feedback.models.axis import Axis, AxisValue
from feedback.models.blocked_hash import BlockedHash
from feedback.models.browser_score import BrowserScore
from feedback.models.burst import Burst
from feedback.models.classification import Classification
from feedback.models.confirmation import Confirmation
from feedback.models.dataset import DatasetVersion
from feedback.models.decision import Decision
from feedback.models.definition import Definition, Objection
from feedback.models.demo_answer import DemoAnswer
from feedback.models.email_address import EmailAddress
from feedback.models.erasure import Erasure
from feedback.models.example import Example, ExampleScore, NotLearnt
from feedback.models.finding import Finding
from feedback.models.golden import Golden, GoldenAnswer
from feedback.models.image import StoredImage
from feedback.models.ledger import LedgerEntry
from feedback.models.look import Look
from feedback.models.model_version import ModelVersion
from feedback.models.named_slice import NamedSlice
from feedback.models.occlusion import Occlusion
from feedback.models.public_report import PublicReport
from feedback.models.report import Report, ReportEvent
from feedback.models.retrain import Retrain
from feedback.models.sample_answer import SampleAnswer
from feedback.models.signal import SignalDecision
from feedback.models.training_config import TrainingConfig
from feedback.models.webhook import Webhook, WebhookDelivery

__all__ = [
    "ApiToken",
    "ApprovalRule",
    "Audit",
    "AuditSet",
    "Axis",
    "AxisValue",
    "BlockedHash",
    "BrowserScore",
    "Burst",
    "Classification",
    "Confirmation",
    "DatasetVersion",
    "Decision",
    "Definition",
    "DemoAnswer",
    "EmailAddress",
    "Erasure",
    "Example",
    "ExampleScore",
    "Finding",
    "Golden",
    "GoldenAnswer",
    "LedgerEntry",
    "Look",
    "ModelVersion",
    "NamedSlice",
    "NotLearnt",
    "Objection",
    "Occlusion",
    "PublicReport",
    "Report",
    "ReportEvent",
    "Retrain",
    "SampleAnswer",
    "SignalDecision",
    "StoredImage",
    "TrainingConfig",
    "Webhook",
    "WebhookDelivery",
]
