-- migrate:up

CREATE TABLE oppositions (
    opposition_id uuid PRIMARY KEY,
    person_index bytea NOT NULL CHECK (octet_length(person_index) = 32),
    caisse_code text NOT NULL,
    -- Null: every partner of the caisse.
    partner_id uuid,
    channel text NOT NULL,
    record_time timestamptz NOT NULL,
    -- Null while it stands.
    withdraw_time timestamptz
);

-- At most one stands for a scope; the re-check of every disclosure reads this index.
CREATE UNIQUE INDEX oppositions_standing_key ON oppositions (person_index, caisse_code, partner_id)
    NULLS NOT DISTINCT WHERE withdraw_time IS NULL;
CREATE INDEX oppositions_history ON oppositions (person_index, caisse_code, record_time);

GRANT SELECT, INSERT, UPDATE (withdraw_time) ON oppositions TO quotient_service;

-- migrate:down

DROP TABLE oppositions;
