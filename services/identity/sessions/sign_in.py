"""The sign-in (art. 4-3). Whatever is the matter with the credentials, the answer is the same, and takes as long."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import structlog
from psycopg import AsyncConnection

from services.identity.accounts.domain import Account
from services.identity.accounts.store import AccountStore
from services.identity.attempts.devices import Devices
from services.identity.attempts.domain import AnyBrowser, Attempt, KnownDevice, Subject
from services.identity.attempts.service import SignInGuard
from services.identity.config import PasswordSettings, SessionSettings
from services.identity.domain import ClientContext, CredentialsRefused, is_login, typed_login
from services.identity.events.domain import SecurityEventKind
from services.identity.events.service import SecurityEvents
from services.identity.events.store import SecurityEventStore
from services.identity.partner_access import AccessRefused, require_access
from services.identity.passwords.domain import renewal_is_advised
from services.identity.passwords.hashing import Passwords
from services.identity.second_factor.domain import CodeCheck, SecondFactorRequired
from services.identity.second_factor.service import SecondFactors
from services.identity.sessions.domain import SignedIn
from services.identity.sessions.opening import SessionOpener
from services.identity.sessions.store import SessionStore
from services.kit.clock import Clock
from services.kit.database import Database
from services.kit.identifiers import new_uuid7
from services.kit.redaction import OneTimeCode, Password

_log = structlog.get_logger()


@dataclass(frozen=True)
class SignInStores:
    """What a sign-in reads and writes."""

    database: Database
    accounts: AccountStore
    sessions: SessionStore
    events: SecurityEventStore


class SignInService:
    """Opens sessions, and ends those before: credentials are strictly personal (art. 4-3)."""

    def __init__(
        self,
        *,
        stores: SignInStores,
        opener: SessionOpener,
        guard: SignInGuard,
        devices: Devices,
        passwords: Passwords,
        second_factors: SecondFactors,
        events: SecurityEvents,
        session_settings: SessionSettings,
        password_settings: PasswordSettings,
        clock: Clock,
    ) -> None:
        self._stores = stores
        self._opener = opener
        self._guard = guard
        self._devices = devices
        self._passwords = passwords
        self._second_factors = second_factors
        self._events = events
        self._session_settings = session_settings
        self._password_settings = password_settings
        self._clock = clock

    async def sign_in(
        self, login: str, password: Password, code: OneTimeCode, client: ClientContext
    ) -> SignedIn:
        """Opens a session and ends those before (art. 4-3).

        Raises SignInsOverloaded, TooManySignIns; CredentialsRefused; SecondFactorRequired, where all but a code was
        given; with the right credentials NetworkNotAllowed or ClientCertificateRequired, where the partner's users may
        not call from there, or with that.
        """
        if not client.device_token.reveal():
            self._passwords.require_room()
        login = typed_login(login)
        # A text that is no login is looked for like one, in vain.
        account = await self._stores.accounts.find(login=login if is_login(login) else "")
        device_id = self._known_device(account, client)
        async with self._guard.attempt(_subject(login, device_id, client)) as attempt:
            try:
                return await self._open(account, attempt, password, code, client, device_id)
            except CredentialsRefused:
                await self._record_refusal(account, client, device_id, locks=attempt.locks_account)
                raise
            except AccessRefused:
                await self._record_refusal(account, client, device_id, locks=False)
                raise

    async def _open(
        self,
        account: Account | None,
        attempt: Attempt,
        password: Password,
        code: OneTimeCode,
        client: ClientContext,
        device_id: UUID | None,
    ) -> SignedIn:
        account = await self._proved(account, attempt, password, urgent=device_id is not None)
        new_hash = await self._renewed_hash(account, password)
        now = self._clock.now()
        device = device_id or new_uuid7(now)
        async with self._stores.database.transaction("sign_in") as connection:
            record = await self._stores.accounts.record_sign_in(connection, account, new_hash, now)
            if record is None:
                raise CredentialsRefused
            note = _Notes(self._events, connection, account.account_id, client, device)
            enrolled = await self._second_factors.is_enrolled(connection, account.account_id)
            if enrolled:
                await self._prove_second_factor(connection, account, code, note)
            policy = await self._stores.accounts.policy_of(connection, account.partner_id)
            require_access(policy.networks, policy.client_certificates_sha256, client)
            ended = await self._stores.sessions.end_all_but_newest(
                connection, account.account_id, self._session_settings.sessions_per_account - 1, now
            )
            since = record.previous_sign_in_time or account.create_time
            refused = await self._stores.events.count_refused_since(connection, account.account_id, since)
            session = await self._opener.insert(
                connection,
                account.account_id,
                account.partner_id,
                record.previous_sign_in_time,
                password_change_required=account.password_change_required,
                second_factor_enrolment_required=policy.second_factor_required and not enrolled,
            )
            for before in ended:
                await note(SecurityEventKind.SESSION_SUPERSEDED, before.session_id)
            await note(SecurityEventKind.SIGNED_IN, session.session_id)
        await self._opener.publish(session, [before.token_digest for before in ended])
        _log.info("signed_in", account_id=str(account.account_id))
        return SignedIn(
            session=session,
            device_token=self._devices.issue(account.login, account.device_generation, device, now),
            previous_sign_in_time=record.previous_sign_in_time,
            earlier_session_ended=bool(ended),
            password_renewal_advised=self._renewal_is_advised(account, now),
            refused_sign_in_count=refused,
        )

    async def _proved(
        self, account: Account | None, attempt: Attempt, password: Password, *, urgent: bool
    ) -> Account:
        # Whatever is the matter, the answer takes one hash: its time does not tell which.
        password_hash = account.password_hash if account and not attempt.locked else None
        proved = await self._passwords.matches(password_hash, password, urgent=urgent)
        if account is None or not proved or not account.accepts_sign_in(self._clock.now()):
            raise CredentialsRefused
        return account

    async def _renewed_hash(self, account: Account, password: Password) -> str:
        if self._passwords.is_outdated(account.password_hash):
            return await self._passwords.hash(password)
        return account.password_hash

    async def _prove_second_factor(
        self, connection: AsyncConnection, account: Account, code: OneTimeCode, note: "_Notes"
    ) -> None:
        if not code.reveal():
            raise SecondFactorRequired
        checked = await self._second_factors.check(connection, account.account_id, code)
        if checked is CodeCheck.REFUSED:
            raise CredentialsRefused
        if checked is CodeCheck.ACCEPTED_BY_RECOVERY_CODE:
            await note(SecurityEventKind.RECOVERY_CODE_USED)

    async def _record_refusal(
        self, account: Account | None, client: ClientContext, device_id: UUID | None, *, locks: bool
    ) -> None:
        account_id = account.account_id if account else None
        kinds = [SecurityEventKind.SIGN_IN_REFUSED]
        if locks:
            kinds.append(SecurityEventKind.ACCOUNT_LOCKED)
        await self._stores.events.record(
            [
                self._events.new(
                    kind, account_id=account_id, network_prefix=client.network_prefix, device_id=device_id
                )
                for kind in kinds
            ]
        )
        _log.info("sign_in_refused", account_id=str(account_id) if account_id else None)

    def _known_device(self, account: Account | None, client: ClientContext) -> UUID | None:
        if account is None:
            return None
        return self._devices.recognise(
            client.device_token, account.login, account.device_generation, self._clock.now()
        )

    def _renewal_is_advised(self, account: Account, now: datetime) -> bool:
        return not account.password_change_required and renewal_is_advised(
            account.password_set_time, now, self._password_settings.renewal_reminder_days
        )


@dataclass(frozen=True)
class _Notes:
    """Events of one sign-in, within its transaction."""

    events: SecurityEvents
    connection: AsyncConnection = field(repr=False)
    account_id: UUID
    client: ClientContext
    device_id: UUID

    async def __call__(self, kind: SecurityEventKind, session_id: UUID | None = None) -> None:
        await self.events.note(
            self.connection,
            kind,
            account_id=self.account_id,
            session_id=session_id,
            network_prefix=self.client.network_prefix,
            device_id=self.device_id,
        )


def _subject(login: str, device_id: UUID | None, client: ClientContext) -> Subject:
    return KnownDevice(login, device_id) if device_id else AnyBrowser(login, client.network_prefix)
