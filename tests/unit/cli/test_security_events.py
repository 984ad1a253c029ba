"""Security events are told in plain words."""

from cli.security_events import WORDS
from msa.identity.v1.security_event_service_pb2 import SecurityEventKind


def test_every_kind_of_event_has_plain_words_of_its_own() -> None:
    kinds = {kind.removeprefix("SECURITY_EVENT_KIND_") for kind in SecurityEventKind.keys()}  # noqa: SIM118  # no dict
    assert kinds - {"UNSPECIFIED"} == set(WORDS)
    assert len(set(WORDS.values())) == len(WORDS)
