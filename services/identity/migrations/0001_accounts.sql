-- migrate:up

-- The credentials of one habilitated user (art. 4-2).
CREATE TABLE accounts (
    account_id uuid CONSTRAINT accounts_pkey PRIMARY KEY,
    habilitation_id uuid NOT NULL CONSTRAINT accounts_habilitation_id_key UNIQUE,
    login text NOT NULL
        CONSTRAINT accounts_login_key UNIQUE
        CONSTRAINT accounts_login_shape CHECK (login ~ '^x[0-9]{2}-[2-9a-z]{6}$'),
    password_hash text NOT NULL
        CONSTRAINT accounts_password_hash_shape CHECK (password_hash LIKE '$argon2id$%'),
    -- Set while the password in force is a temporary one (art. 4-3).
    temporary_password_expire_time timestamptz,
    -- A session is live only while it carries this number; whatever ends sessions adds one (ADR 0005).
    session_generation bigint NOT NULL DEFAULT 0
        CONSTRAINT accounts_session_generation_range CHECK (session_generation >= 0),
    create_time timestamptz NOT NULL,
    disable_time timestamptz,
    last_sign_in_time timestamptz
);

-- A lower number would bring ended sessions back (N3); no statement may write one.
CREATE FUNCTION refuse_older_generation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'session_generation never goes back'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'accounts_session_generation_grows';
END
$$;

CREATE TRIGGER accounts_session_generation_grows
    BEFORE UPDATE OF session_generation ON accounts
    FOR EACH ROW WHEN (NEW.session_generation < OLD.session_generation)
    EXECUTE FUNCTION refuse_older_generation();

GRANT USAGE ON SCHEMA public TO identity_service;
GRANT SELECT ON public.schema_migrations TO identity_service;
GRANT SELECT, INSERT ON accounts TO identity_service;
-- Who an account belongs to, its login and its birth are for good; nothing is deleted.
GRANT UPDATE (
    password_hash, temporary_password_expire_time, session_generation, disable_time, last_sign_in_time
) ON accounts TO identity_service;

-- migrate:down

DROP TABLE accounts;
DROP FUNCTION refuse_older_generation();
REVOKE SELECT ON public.schema_migrations FROM identity_service;
REVOKE USAGE ON SCHEMA public FROM identity_service;
