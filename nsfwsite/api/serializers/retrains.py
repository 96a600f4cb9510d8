"""Retrains, and what a maintainer decides about them."""

from typing import Any

from rest_framework import serializers

from feedback.models import Retrain
from feedback.services import confirmations, verdicts
from feedback.services.recipes import RecipeOffer


def recomputed(retrain: Retrain) -> dict[str, Any] | None:
    """The result of a later policy than the one that a candidate was decided by, and its time."""
    if retrain.recomputed_gate is None:
        return None
    return {"gate": retrain.recomputed_gate, "at": retrain.recomputed_at}


class ProposalInput(serializers.Serializer):
    recipe = serializers.CharField(
        required=False,
        default="head",
        max_length=64,
        help_text="A `name` of `GET retrains/recipes/`.",
    )


class RecipeOutput(serializers.Serializer):
    name = serializers.CharField(
        source="recipe.name", help_text="Of a built-in recipe, or the hash of an operator's config."
    )
    title = serializers.CharField(source="recipe.title")
    sentence = serializers.CharField(source="recipe.sentence", help_text="What it does.")
    images = serializers.IntegerField(help_text="That it would learn from.")
    seconds = serializers.FloatField(help_text="That it would take at most, with the audits.")
    measured_runs = serializers.IntegerField(
        source="runs", help_text="Earlier runs of its kind on this site, from which this is known."
    )
    estimate_errors = serializers.ListField(
        source="errors",
        child=serializers.FloatField(),
        help_text="By which share of its estimate each of them took longer.",
    )
    refusal = serializers.SerializerMethodField(
        help_text="Why it cannot be chosen: `rule`, `received` and `way_out`."
    )

    def get_refusal(self, offer: RecipeOffer) -> dict[str, str] | None:
        refusal = offer.refusal
        if refusal is None:
            return None
        return {
            "rule": refusal.rule,
            "received": refusal.received,
            "way_out": refusal.remedy,
        }


class PromotionInput(serializers.Serializer):
    override_reason = serializers.CharField(
        required=False, default="", allow_blank=True, max_length=2000
    )
    acknowledged_gaps = serializers.ListField(
        child=serializers.CharField(max_length=200),
        required=False,
        default=list,
        max_length=1000,
        help_text="Every group for which the verdict lists a gap, as axis=value.",
    )


class DeclineInput(serializers.Serializer):
    reason = serializers.CharField(required=False, default="", allow_blank=True, max_length=2000)


class RetrainOutput(serializers.ModelSerializer):
    base = serializers.CharField(source="base.version")
    candidate = serializers.SerializerMethodField()
    dataset = serializers.IntegerField(source="dataset.number")
    proposed_by = serializers.CharField(source="proposed_by.username")
    judged_against = serializers.SerializerMethodField(
        help_text="The model that the gate compared the candidate with."
    )
    audit_set = serializers.SerializerMethodField(help_text="The images on which the gate judged.")
    verdict_outdated = serializers.SerializerMethodField(
        help_text="What was replaced since. If anything was, the candidate is judged again."
    )
    confirmation = serializers.SerializerMethodField(
        help_text="The verdict on the confirmation set, if it was opened for the candidate: "
        "`audit_set`, `requested_by`, `requested_at`, `gate` and `judged_at`."
    )
    recomputed = serializers.SerializerMethodField(
        help_text="For decided candidates: what the policy that holds now says about them, as "
        "`gate` and `at`. The decision rests on `gate` alone."
    )
    approved_by = serializers.SerializerMethodField()
    decided_by = serializers.SerializerMethodField()

    class Meta:
        model = Retrain
        fields = [
            "id",
            "status",
            "base",
            "dataset",
            "recipe",
            "config",
            "estimate",
            "stages",
            "candidate",
            "progress",
            "gate",
            "judged_against",
            "audit_set",
            "policy_sha256",
            "verdict_outdated",
            "confirmation",
            "recomputed",
            "failure",
            "override_reason",
            "acknowledged_gaps",
            "proposed_by",
            "proposed_at",
            "approved_by",
            "approved_at",
            "started_at",
            "evaluated_at",
            "decided_by",
            "decided_at",
        ]

    def get_candidate(self, retrain: Retrain) -> str | None:
        return retrain.candidate.version if retrain.candidate else None

    def get_judged_against(self, retrain: Retrain) -> str | None:
        return retrain.judged_against.version if retrain.judged_against else None

    def get_audit_set(self, retrain: Retrain) -> str | None:
        return retrain.audit_set.name if retrain.audit_set else None

    def get_verdict_outdated(self, retrain: Retrain) -> list[str]:
        return verdicts.changes(retrain)

    def get_confirmation(self, retrain: Retrain) -> dict[str, Any] | None:
        confirmation = confirmations.current_confirmation(retrain)
        if confirmation is None:
            return None
        return {
            "audit_set": confirmation.audit_set.name,
            "requested_by": confirmation.requested_by.username,
            "requested_at": confirmation.requested_at,
            "gate": confirmation.gate,
            "judged_at": confirmation.judged_at,
        }

    def get_recomputed(self, retrain: Retrain) -> dict[str, Any] | None:
        return recomputed(retrain)

    def get_approved_by(self, retrain: Retrain) -> str | None:
        return retrain.approved_by.username if retrain.approved_by else None

    def get_decided_by(self, retrain: Retrain) -> str | None:
        return retrain.decided_by.username if retrain.decided_by else None
