-- migrate:up

ALTER TABLE accounts
    -- When the password in force was chosen or issued: after a set age its change is advised (art. 4-3).
    ADD COLUMN password_set_time timestamptz NOT NULL DEFAULT now(),
    -- HMAC-SHA-256 of each word that no password of this user may contain (his names).
    ADD COLUMN personal_word_indexes bytea[] NOT NULL DEFAULT '{}';
UPDATE accounts SET password_set_time = create_time;

-- The passwords before the one in force, newest last; only the last few are kept.
CREATE TABLE former_passwords (
    former_password_id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT former_passwords_pkey PRIMARY KEY,
    account_id uuid NOT NULL CONSTRAINT former_passwords_account_id_fkey REFERENCES accounts,
    password_hash text NOT NULL
        CONSTRAINT former_passwords_password_hash_shape CHECK (password_hash LIKE '$argon2id$%')
);
CREATE INDEX former_passwords_of_account ON former_passwords (account_id, former_password_id);

GRANT UPDATE (password_set_time) ON accounts TO identity_service;
GRANT SELECT, INSERT, DELETE ON former_passwords TO identity_service;

-- migrate:down

DROP TABLE former_passwords;
ALTER TABLE accounts DROP COLUMN password_set_time, DROP COLUMN personal_word_indexes;
