"""Invented partners, users and families for trying the suite, made through the services' own APIs.

What was made is remembered in `data/demo.json`, step by step, so that a later start has nothing to do. A step
that was cut short is done again: publications and oppositions change nothing then, a partner gets the next number.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from deploy.local.caisse import Caisse, open_caisse
from deploy.local.layout import Layout, write_private
from deploy.local.partner_certificate import ensure_partner_certificate
from deploy.local.people import AGENTS, FAMILIES, UNKNOWN_NIR, Agent
from deploy.local.sandbox import open_sandbox
from deploy.local.secrets import DATABASES
from deploy.local.settings import Ports
from deploy.local.states import State
from services.kit.clock import Clock, paris_date

# The services that the demo data live in.
NEEDS = DATABASES
# A temporary password that would stop working within the day is replaced.
RENEWAL_MARGIN = timedelta(days=1)
_NOT_FOUND = "not_found"
_KINDS = {
    _NOT_FOUND,
    *(family.kind for family in FAMILIES),
    *(family.second.kind for family in FAMILIES if family.second),
}


@dataclass(frozen=True)
class User:
    """An invented agent of an invented partner, and the records that give him access."""

    login: str
    temporary_password: str
    temporary_password_expire_time: str
    password_changed: bool
    partner: str
    caisse: str
    account_id: str
    habilitation_id: str
    convention_id: str
    partner_id: str


class Memory:
    """`data/demo.json`: the users by the agents' email, and the NIRs once all families are there."""

    def __init__(self, layout: Layout) -> None:
        self._path = layout.data / "demo.json"
        content = _read(self._path)
        self.users = {email: User(**user) for email, user in content.get("users", {}).items()}
        self.nirs: Mapping[str, str] = content.get("nirs", {})

    def write(self) -> None:
        """Keeps what was made; private, for it holds passwords."""
        users = {email: asdict(user) for email, user in self.users.items()}
        content = json.dumps({"users": users, "nirs": self.nirs}, indent=2, ensure_ascii=False)
        write_private(self._path, content.encode())


async def seed(layout: Layout, ports: Ports, clock: Clock) -> None:
    """Makes what is missing of the demo data, and replaces temporary passwords that have expired.

    Raises:
        LocalStackError: a service refuses.
    """
    memory = Memory(layout)
    now = clock.now()
    today = paris_date(now)
    certificate_sha256 = ensure_partner_certificate(layout, now)
    async with open_caisse(layout, ports) as caisse, open_sandbox(layout, ports) as sandbox:
        for code in dict.fromkeys(agent.caisse for agent in AGENTS):
            await caisse.ensure_agent(code)
        await sandbox.decide(now)
        for number, agent in enumerate(AGENTS, start=1):
            known = memory.users.get(agent.email)
            if known is None:
                made = await _habilitated(caisse, memory, agent, number, today)
                await sandbox.put_into(agent.state, made, today)
                memory.users[agent.email] = made
            else:
                memory.users[agent.email] = await _renewed(caisse, agent, known, now)
            memory.write()
            if agent.state is State.CLIENT_CERTIFICATE_REQUIRED:
                await sandbox.require_certificate(memory.users[agent.email].partner_id, certificate_sha256)
        if memory.nirs.keys() != _KINDS:
            memory.nirs = await _families(caisse, memory.users[AGENTS[0].email].partner_id, today)
            memory.write()


def users(layout: Layout) -> list[User]:
    """The demo users that were made; the first is the one to show."""
    return list(Memory(layout).users.values())


def agents(layout: Layout) -> list[tuple[Agent, User]]:
    """Who they are, in the order in which they are shown, with what was made for them."""
    made = Memory(layout).users
    return [(agent, made[agent.email]) for agent in AGENTS if agent.email in made]


def password_of(layout: Layout, user: User) -> str | None:
    """The password in force, unless somebody chose one that is not kept in `demo-passwords.json`."""
    if not user.password_changed:
        return user.temporary_password
    chosen: dict[str, str] = _read(layout.demo_passwords_file)
    return chosen.get(user.login)


def nirs(layout: Layout) -> Mapping[str, str]:
    """What a family is found by, for each outcome that depends on it: available, opposed, dossier_closed, …"""
    return Memory(layout).nirs


def _read(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return content


async def _habilitated(caisse: Caisse, memory: Memory, agent: Agent, number: int, today: date) -> User:
    colleague = _colleague(memory, agent)
    if colleague:
        partner_id, convention_id = colleague.partner_id, colleague.convention_id
    else:
        partner_id = await caisse.register_partner(agent, number)
        convention_id = await caisse.register_convention(partner_id, agent.caisse, today)
    habilitation_id = await caisse.register_habilitation(convention_id, agent, today)
    credentials = await caisse.credentials(habilitation_id, partner_id, agent)
    return User(
        login=credentials.login,
        temporary_password=credentials.temporary_password,
        temporary_password_expire_time=credentials.temporary_password_expire_time.isoformat(),
        password_changed=False,
        partner=agent.partner,
        caisse=agent.caisse,
        account_id=credentials.account_id,
        habilitation_id=habilitation_id,
        convention_id=convention_id,
        partner_id=partner_id,
    )


def _colleague(memory: Memory, agent: Agent) -> User | None:
    """A user of the same partner, who was made before."""
    emails = (each.email for each in AGENTS if each.organisation == agent.organisation)
    return next((memory.users[email] for email in emails if email in memory.users), None)


async def _renewed(caisse: Caisse, agent: Agent, user: User, now: datetime) -> User:
    if agent.state is State.HABILITATION_WITHDRAWN:
        # A new password would enable the account again.
        return user
    if await caisse.has_chosen_password(user.account_id):
        return replace(user, password_changed=True)
    renewal = datetime.fromisoformat(user.temporary_password_expire_time) - RENEWAL_MARGIN
    if now < renewal and not user.password_changed:
        return user
    password, expire_time = await caisse.issue_password(user.account_id)
    return replace(
        user,
        temporary_password=password,
        temporary_password_expire_time=expire_time.isoformat(),
        password_changed=False,
    )


async def _families(caisse: Caisse, partner_id: str, today: date) -> dict[str, str]:
    await caisse.publish(FAMILIES, today)
    families = {family.kind: family for family in FAMILIES}
    await caisse.record_opposition(families["opposed"])
    await caisse.record_opposition(families["opposed_to_partner"], partner_id)
    seconds = {family.second.kind: family.second.nir for family in FAMILIES if family.second}
    return {kind: family.nir for kind, family in families.items()} | seconds | {_NOT_FOUND: UNKNOWN_NIR}
