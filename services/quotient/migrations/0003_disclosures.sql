-- migrate:up

-- The journal: one line for every consultation, whatever it met. Lines are added, never altered.
CREATE TABLE disclosures (
    consultation_id uuid PRIMARY KEY,
    disclose_time timestamptz NOT NULL,
    person_index bytea NOT NULL CHECK (octet_length(person_index) = 32),
    caisse_code text NOT NULL,
    month date NOT NULL,
    purpose text NOT NULL,
    case_reference text NOT NULL,
    account_id uuid NOT NULL,
    habilitation_id uuid NOT NULL,
    partner_id uuid NOT NULL,
    convention_id uuid NOT NULL,
    trace_id text NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('AVAILABLE', 'OPPOSED', 'NOT_FOUND', 'NO_QUOTIENT')),
    -- The first days of the periods shown; never the amounts.
    period_starts date[] NOT NULL
);

-- consultation_id is a UUIDv7: its order is that of time.
CREATE INDEX disclosures_of_caisse ON disclosures (caisse_code, consultation_id);
CREATE INDEX disclosures_of_person ON disclosures (person_index, caisse_code, consultation_id);
CREATE INDEX disclosures_of_partner ON disclosures (partner_id, caisse_code, consultation_id);

CREATE FUNCTION refuse_journal_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the journal is append-only' USING ERRCODE = 'restrict_violation';
END
$$;

-- For the owner too, and for a session that replays changes.
CREATE TRIGGER disclosures_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON disclosures
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_journal_change();
ALTER TABLE disclosures ENABLE ALWAYS TRIGGER disclosures_append_only;

GRANT SELECT, INSERT ON disclosures TO quotient_service;

-- migrate:down

DROP TABLE disclosures;
DROP FUNCTION refuse_journal_change();
