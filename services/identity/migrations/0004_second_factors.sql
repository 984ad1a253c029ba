-- migrate:up

-- One second factor of an account. A second kind (passkeys) is another value of `kind`.
CREATE TABLE second_factors (
    account_id uuid CONSTRAINT second_factors_pkey PRIMARY KEY
        CONSTRAINT second_factors_account_id_fkey REFERENCES accounts,
    kind text NOT NULL CONSTRAINT second_factors_kind CHECK (kind IN ('TOTP')),
    -- AES-256-GCM under a key outside the database, bound to the account.
    sealed_secret bytea NOT NULL,
    begin_time timestamptz NOT NULL,
    -- Absent while it was only begun; until then it asks for nothing.
    enrol_time timestamptz,
    -- The time step of the last code that was accepted: a code works once (RFC 6238, 5.2).
    last_step bigint NOT NULL DEFAULT 0
);

-- Codes that stand in for a lost phone, each for one sign-in; known by their SHA-256 (89 random bits).
CREATE TABLE recovery_codes (
    account_id uuid NOT NULL CONSTRAINT recovery_codes_account_id_fkey REFERENCES accounts,
    code_digest bytea NOT NULL CONSTRAINT recovery_codes_digest_length CHECK (octet_length(code_digest) = 32),
    CONSTRAINT recovery_codes_pkey PRIMARY KEY (account_id, code_digest)
);

GRANT SELECT, INSERT, DELETE ON second_factors TO identity_service;
GRANT UPDATE (kind, sealed_secret, begin_time, enrol_time, last_step) ON second_factors TO identity_service;
GRANT SELECT, INSERT, DELETE ON recovery_codes TO identity_service;

-- migrate:down

DROP TABLE recovery_codes;
DROP TABLE second_factors;
