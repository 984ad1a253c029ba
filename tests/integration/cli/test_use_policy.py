"""From where on a caisse is told of unusual use, and how (art. 7-2): what is named is changed, and nothing else."""

import json
from collections.abc import Mapping, Sequence

import pytest

from msa.identity.v1 import use_service_pb2 as pb
from services.kit.errors import RecordChanged
from tests.integration.cli.fakes import Fakes, refuse

IN_FORCE = pb.UsePolicy(caisse_code="21", notice_score=45, suspension_score=80, notices_mailed=True, etag="7")
POLICY = ("use", "policy", "--caisse", "21")


@pytest.fixture
def judging(fakes: Fakes) -> Fakes:
    """An identity in which a policy is in force."""
    fakes.script.replies |= {
        "GetUsePolicy": lambda _: pb.GetUsePolicyResponse(policy=IN_FORCE),
        "SetUsePolicy": lambda request: pb.SetUsePolicyResponse(policy=request.policy),
    }
    return fakes


def test_a_policy_is_shown_and_nothing_is_set(judging: Fakes) -> None:
    shown = json.loads(judging.qf(*POLICY, "--json").stdout)
    assert shown["meaning"] == "told from a score of 45 on, by mail too; suspended from 80 on"
    assert shown["notices_mailed"] is True
    assert judging.sent(pb.SetUsePolicyRequest) == []


@pytest.mark.parametrize(
    ("options", "changes"),
    [
        (["--told-from", "40"], {"notice_score": 40}),
        (["--suspended-from", "101"], {"suspension_score": 101}),
        (["--no-mail-notices"], {"notices_mailed": False}),
        (["--mail-notices", "--told-from", "30"], {"notices_mailed": True, "notice_score": 30}),
    ],
)
def test_a_policy_is_changed_in_what_is_named_and_nothing_else(
    judging: Fakes, options: Sequence[str], changes: Mapping[str, int]
) -> None:
    result = judging.qf(*POLICY, *options)
    assert result.exit_code == 0, result.output
    wanted = pb.UsePolicy()
    wanted.CopyFrom(IN_FORCE)
    for name, value in changes.items():
        setattr(wanted, name, value)
    assert judging.sent(pb.SetUsePolicyRequest) == [pb.SetUsePolicyRequest(policy=wanted)]


def test_who_sets_a_policy_at_the_same_time_as_another_is_told(judging: Fakes) -> None:
    judging.script.replies["SetUsePolicy"] = refuse(RecordChanged())
    result = judging.qf(*POLICY, "--mail-notices")
    assert result.exit_code == 1
    assert "Somebody else changed this record" in result.stderr
