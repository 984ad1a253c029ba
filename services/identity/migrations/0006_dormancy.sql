-- migrate:up

-- Since when the account counts as used: its last sign-in, or the last password the caisse issued.
ALTER TABLE accounts
    ADD COLUMN used_time timestamptz NOT NULL DEFAULT now();
-- Whoever was away for long before this rule came has the time of all its warnings.
UPDATE accounts SET used_time = greatest(coalesce(last_sign_in_time, create_time), now() - interval '9 months');
-- The dormant are looked for among those that still open something.
CREATE INDEX accounts_by_use ON accounts (used_time, account_id) WHERE disable_time IS NULL;

-- What users are to be told; a mailer leases, delivers and acknowledges.
CREATE TABLE outbox_messages (
    message_id uuid CONSTRAINT outbox_messages_pkey PRIMARY KEY,
    kind text NOT NULL CONSTRAINT outbox_messages_kind CHECK (kind IN ('DORMANCY_WARNING')),
    account_id uuid NOT NULL CONSTRAINT outbox_messages_account_id_fkey REFERENCES accounts,
    -- The last use of the account when this was written. Once it is used again, the warning is void.
    used_time timestamptz NOT NULL,
    disable_date date NOT NULL,
    days_before integer NOT NULL,
    create_time timestamptz NOT NULL,
    lease_expire_time timestamptz,
    acknowledge_time timestamptz,
    -- The same warning is never written twice, however many servers look.
    CONSTRAINT outbox_messages_once UNIQUE (account_id, kind, disable_date, days_before)
);
CREATE INDEX outbox_messages_waiting ON outbox_messages (message_id) WHERE acknowledge_time IS NULL;
CREATE INDEX outbox_messages_by_disable_date ON outbox_messages (disable_date);

GRANT UPDATE (used_time) ON accounts TO identity_service;
GRANT SELECT, INSERT, DELETE ON outbox_messages TO identity_service;
GRANT UPDATE (lease_expire_time, acknowledge_time) ON outbox_messages TO identity_service;

-- migrate:down

DROP TABLE outbox_messages;
ALTER TABLE accounts DROP COLUMN used_time;
