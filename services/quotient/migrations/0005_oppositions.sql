-- migrate:up

ALTER TABLE oppositions RENAME TO oppositions_once;
DROP INDEX oppositions_standing_key, oppositions_history;

CREATE TABLE oppositions (
    opposition_id uuid PRIMARY KEY,
    person_id uuid NOT NULL REFERENCES persons,
    caisse_code text NOT NULL,
    -- Null: every partner of the caisse.
    partner_id uuid,
    requester text NOT NULL CHECK (requester IN ('PERSON', 'REPRESENTATIVE')),
    declarant text NOT NULL CHECK (declarant IN ('CAISSE', 'PARTNER')),
    channel text NOT NULL,
    received_on date NOT NULL,
    reference text NOT NULL,
    record_time timestamptz NOT NULL,
    -- Null while it stands, with all that tells of the withdrawal.
    withdraw_time timestamptz,
    withdraw_requester text CHECK (withdraw_requester IN ('PERSON', 'REPRESENTATIVE')),
    withdraw_channel text,
    withdraw_received_on date,
    withdraw_reference text,
    -- A partner declares an opposition against itself only (annexe 1).
    CHECK (declarant = 'CAISSE' OR partner_id IS NOT NULL),
    CHECK (
        num_nulls(withdraw_time, withdraw_requester, withdraw_channel, withdraw_received_on, withdraw_reference)
        IN (0, 5)
    )
);

INSERT INTO oppositions (
    opposition_id, person_id, caisse_code, partner_id, requester, declarant, channel, received_on, reference,
    record_time, withdraw_time, withdraw_requester, withdraw_channel, withdraw_received_on, withdraw_reference
)
SELECT
    opposition_id, persons.person_id, caisse_code, partner_id, 'PERSON', 'CAISSE', channel, record_time::date, '',
    record_time, withdraw_time,
    CASE WHEN withdraw_time IS NOT NULL THEN 'PERSON' END,
    CASE WHEN withdraw_time IS NOT NULL THEN 'UNSPECIFIED' END,
    withdraw_time::date,
    CASE WHEN withdraw_time IS NOT NULL THEN '' END
FROM oppositions_once
JOIN persons USING (person_index);

DROP TABLE oppositions_once;

-- At most one stands for a scope; the re-check of every disclosure reads this index.
CREATE UNIQUE INDEX oppositions_standing_key ON oppositions (person_id, caisse_code, partner_id)
    NULLS NOT DISTINCT WHERE withdraw_time IS NULL;
CREATE INDEX oppositions_history ON oppositions (person_id, caisse_code, record_time);

GRANT SELECT, INSERT, UPDATE (
    withdraw_time, withdraw_requester, withdraw_channel, withdraw_received_on, withdraw_reference
) ON oppositions TO quotient_service;

-- migrate:down

DO $$ BEGIN RAISE EXCEPTION 'restore the database from before this migration'; END $$;
