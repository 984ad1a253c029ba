-- migrate:up

-- Whom an account belongs to, so that sessions can be revoked by partner and caisse (art. 7-2). An account made
-- by the release before this one has the partner "unknown", which every partner's revocation covers.
ALTER TABLE accounts
    ADD COLUMN partner_id uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    ADD COLUMN caisse_code text NOT NULL GENERATED ALWAYS AS (substr(login, 2, 2)) STORED,
    -- A device cookie of a lower number is void (art. 5: lost or stolen credentials).
    ADD COLUMN device_generation bigint NOT NULL DEFAULT 0
        CONSTRAINT accounts_device_generation_range CHECK (device_generation >= 0);
CREATE INDEX accounts_of_partner ON accounts (partner_id);

-- One row for every session that is or was open. The token is known by its SHA-256 only.
CREATE TABLE sessions (
    session_id uuid CONSTRAINT sessions_pkey PRIMARY KEY,
    token_digest bytea NOT NULL
        CONSTRAINT sessions_token_digest_key UNIQUE
        CONSTRAINT sessions_token_digest_length CHECK (octet_length(token_digest) = 32),
    account_id uuid NOT NULL CONSTRAINT sessions_account_id_fkey REFERENCES accounts,
    -- The generations of the account and of all that it belongs to, added up, when it was opened (ADR 0007).
    generation bigint NOT NULL,
    open_time timestamptz NOT NULL,
    expire_time timestamptz NOT NULL,
    previous_sign_in_time timestamptz,
    end_time timestamptz
);
CREATE INDEX sessions_of_account ON sessions (account_id) WHERE end_time IS NULL;
CREATE INDEX sessions_by_expire_time ON sessions (expire_time);

-- Whatever revokes more than one account's sessions adds one here: scopes "all", "caisse:21", "partner:UUID".
CREATE TABLE revocation_scopes (
    scope text CONSTRAINT revocation_scopes_pkey PRIMARY KEY,
    generation bigint NOT NULL CONSTRAINT revocation_scopes_generation_range CHECK (generation > 0)
);

-- No generation goes back, and no row of one is lost: the sum over an account's scopes only grows.
CREATE TRIGGER revocation_scopes_generation_grows
    BEFORE UPDATE ON revocation_scopes
    FOR EACH ROW WHEN (NEW.generation < OLD.generation OR NEW.scope <> OLD.scope)
    EXECUTE FUNCTION refuse_older_generation();
CREATE TRIGGER revocation_scopes_are_kept
    BEFORE DELETE OR TRUNCATE ON revocation_scopes
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_older_generation();

-- An account with its present generation, which grows with whatever revokes its sessions: its own generation, and those
-- of all that it belongs to. Each only grows, so that the sum is the same only where each is.
CREATE VIEW present_accounts AS
    SELECT account_id, habilitation_id, partner_id, temporary_password_expire_time, disable_time,
        session_generation + coalesce((
            SELECT sum(revocation_scopes.generation) FROM revocation_scopes
            WHERE revocation_scopes.scope IN ('all', 'caisse:' || caisse_code, 'partner:' || partner_id)
        ), 0)::bigint AS generation
    FROM accounts;

-- What a caisse requires of the users of one partner.
CREATE TABLE partner_policies (
    partner_id uuid CONSTRAINT partner_policies_pkey PRIMARY KEY,
    second_factor_required boolean NOT NULL
);

GRANT SELECT, INSERT, DELETE ON sessions TO identity_service;
GRANT UPDATE (end_time) ON sessions TO identity_service;
GRANT SELECT, INSERT ON revocation_scopes TO identity_service;
GRANT UPDATE (generation) ON revocation_scopes TO identity_service;
GRANT SELECT ON present_accounts TO identity_service;
GRANT SELECT, INSERT ON partner_policies TO identity_service;
GRANT UPDATE (second_factor_required) ON partner_policies TO identity_service;
GRANT UPDATE (device_generation) ON accounts TO identity_service;

-- migrate:down

DROP TABLE partner_policies;
DROP VIEW present_accounts;
DROP TABLE revocation_scopes;
DROP TABLE sessions;
ALTER TABLE accounts DROP COLUMN partner_id, DROP COLUMN caisse_code, DROP COLUMN device_generation;
