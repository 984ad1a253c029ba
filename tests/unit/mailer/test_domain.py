import pytest

from services.mailer.domain import CaisseAddresses, EmailAddress, Pauses


@pytest.mark.parametrize("text", ["a@b.fr", "jean-paul.o'neil+qf@mairie.saint-ouen.example", "A_1@X.example"])
def test_an_ordinary_address_is_taken(text: str) -> None:
    address = EmailAddress.parse(text)
    assert address is not None
    assert address.reveal() == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "mairie",
        "@b.fr",
        "a@b",
        "a@@b.fr",
        "a b@c.fr",
        ".a@b.fr",
        "a..b@c.fr",
        "a@b.fr\r\nBcc: x@y.fr",
        "a@b.fr\n",
        "a@b.fr> SIZE=1",
        "<a@b.fr>",
        '"a b"@c.fr',
        "a@b.fr,c@d.fr",
        "é@b.fr",
        "a@é.fr",
        f"{'a' * 65}@b.fr",
    ],
)
def test_what_could_forge_a_header_or_a_command_is_no_address(text: str) -> None:
    assert EmailAddress.parse(text) is None


def test_a_caisse_without_an_address_of_its_own_has_the_common_one() -> None:
    own, common = EmailAddress("own@x.fr"), EmailAddress("common@x.fr")
    assert CaisseAddresses({"21": own}, common).find("21") == own
    assert CaisseAddresses({"21": own}, common).find("22") == common
    assert CaisseAddresses({"21": own}, None).find("22") is None


def test_pauses_double_while_rounds_fail_and_are_even_again_after_one_that_did_not() -> None:
    pauses = Pauses(every_seconds=60, first_seconds=15, longest_seconds=900)
    assert [pauses.after(failures) for failures in range(9)] == [60, 15, 30, 60, 120, 240, 480, 900, 900]
    assert pauses.after(10**9) == 900
