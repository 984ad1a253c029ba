-- migrate:up

ALTER TABLE disclosures RENAME TO disclosures_once;
ALTER TABLE disclosures_once RENAME CONSTRAINT disclosures_pkey TO disclosures_once_pkey;
DROP INDEX disclosures_of_caisse, disclosures_of_person, disclosures_of_partner;

-- The journal: one line for every consultation, whatever it met. Lines are added, never altered. Each month (UTC) has
-- a partition: consultation_id is a UUIDv7, so its order is that of time.
CREATE TABLE disclosures (
    consultation_id uuid PRIMARY KEY,
    disclose_time timestamptz NOT NULL,
    -- As it was indexed then: a line is not rewritten when the key changes.
    person_index bytea NOT NULL CHECK (octet_length(person_index) = 32),
    index_generation smallint NOT NULL,
    caisse_code text NOT NULL,
    month date NOT NULL,
    purpose text NOT NULL,
    purpose_text text NOT NULL,
    case_reference text NOT NULL,
    account_id uuid NOT NULL,
    habilitation_id uuid NOT NULL,
    partner_id uuid NOT NULL,
    convention_id uuid NOT NULL,
    trace_id text NOT NULL,
    outcome text NOT NULL CHECK (
        outcome IN ('AVAILABLE', 'OPPOSED', 'NOT_FOUND', 'NO_QUOTIENT', 'DOSSIER_CLOSED', 'OUTSIDE_WINDOW')
    ),
    -- The periods shown, as they were known then, and their first days; never the amounts.
    period_ids uuid[] NOT NULL,
    period_starts date[] NOT NULL,
    -- The last day that was shown of each; null: until a later period begins.
    period_ends date[] NOT NULL DEFAULT '{}',
    -- Hides the texts of this line in the leaf that seals it.
    salt bytea NOT NULL CHECK (octet_length(salt) = 16)
) PARTITION BY RANGE (consultation_id);

-- Holds all that a report counts, so that counting reads no line.
CREATE INDEX disclosures_of_caisse ON disclosures (caisse_code, consultation_id) INCLUDE (partner_id, purpose, outcome);
CREATE INDEX disclosures_of_person ON disclosures (person_index, caisse_code, consultation_id);
CREATE INDEX disclosures_of_partner ON disclosures (partner_id, caisse_code, consultation_id);

-- Refuses a DELETE, whoever runs it, unless each of its lines is past the retention of its caisse and has its leaf in the
-- tree. Only a purge meets that, and what it leaves behind tells that the line was there.
CREATE FUNCTION refuse_early_purge() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF EXISTS (
        SELECT FROM (SELECT caisse_code, max(disclose_time) AS last_time FROM purged GROUP BY caisse_code) AS of_caisse
        WHERE last_time >= journal_kept_from(caisse_code)
    ) OR EXISTS (
        SELECT FROM purged
        WHERE NOT EXISTS (
            SELECT FROM journal_leaves WHERE journal_leaves.consultation_id = purged.consultation_id
        )
    ) THEN
        RAISE EXCEPTION 'the journal is append-only' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END
$$;

-- A partition has triggers of its own: those of the journal are not asked where a statement names the partition.
CREATE FUNCTION guard_journal(journal regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format(
        'CREATE TRIGGER disclosures_append_only BEFORE UPDATE OR TRUNCATE ON %s '
        'FOR EACH STATEMENT EXECUTE FUNCTION refuse_journal_change()', journal
    );
    EXECUTE format(
        'CREATE TRIGGER disclosures_kept AFTER DELETE ON %s REFERENCING OLD TABLE AS purged '
        'FOR EACH STATEMENT EXECUTE FUNCTION refuse_early_purge()', journal
    );
    -- For a session that replays changes, too.
    EXECUTE format(
        'ALTER TABLE %s ENABLE ALWAYS TRIGGER disclosures_append_only, ENABLE ALWAYS TRIGGER disclosures_kept', journal
    );
END
$$;
REVOKE ALL ON FUNCTION guard_journal FROM PUBLIC;

SELECT guard_journal('disclosures');

-- The smallest UUIDv7 of an instant.
CREATE FUNCTION uuid7_floor(instant timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT (lpad(to_hex(floor(extract(epoch FROM instant) * 1000)::bigint), 12, '0') || '70008000000000000000')::uuid
$$;

CREATE FUNCTION is_journal_month(partition text) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT FROM pg_inherits WHERE inhparent = 'disclosures'::regclass AND inhrelid = to_regclass(partition)
    )
$$;

-- Makes the partition of the month (UTC) that holds `instant`; where it is there already, nothing happens.
CREATE FUNCTION ensure_journal_month(instant timestamptz) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
DECLARE
    first timestamptz := date_trunc('month', instant, 'UTC');
    next timestamptz := date_trunc('month', first + interval '45 days', 'UTC');
    partition text := 'disclosures_' || to_char(first AT TIME ZONE 'UTC', 'YYYYMM');
BEGIN
    IF is_journal_month(partition) THEN
        RETURN;
    END IF;
    -- Of two that come at once the second one finds it made.
    PERFORM pg_advisory_xact_lock(hashtextextended('ensure_journal_month', 0));
    IF is_journal_month(partition) THEN
        RETURN;
    END IF;
    EXECUTE format('CREATE TABLE %I (LIKE disclosures INCLUDING ALL)', partition);
    PERFORM guard_journal(partition::regclass);
    -- Attaching a table that is there waits for no reader, unlike making it a partition at once.
    EXECUTE format(
        'ALTER TABLE disclosures ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
        partition, uuid7_floor(first), uuid7_floor(next)
    );
END
$$;
REVOKE ALL ON FUNCTION ensure_journal_month FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ensure_journal_month TO quotient_service;

DO $$
DECLARE
    instant timestamptz;
BEGIN
    FOR instant IN
        SELECT month FROM (
            SELECT date_trunc('month', disclose_time, 'UTC') AS month FROM disclosures_once
            UNION
            SELECT date_trunc('month', date_trunc('month', now(), 'UTC') + make_interval(days => 31 * ahead), 'UTC')
            FROM generate_series(0, 3) AS ahead
        ) AS months
        ORDER BY month
    LOOP
        PERFORM ensure_journal_month(instant);
    END LOOP;
END
$$;

INSERT INTO disclosures (
    consultation_id, disclose_time, person_index, index_generation, caisse_code, month, purpose, purpose_text,
    case_reference, account_id, habilitation_id, partner_id, convention_id, trace_id, outcome, period_ids,
    period_starts, salt
)
SELECT
    consultation_id, disclose_time, person_index, 1, caisse_code, month, purpose, '', case_reference, account_id,
    habilitation_id, partner_id, convention_id, trace_id, outcome, '{}', period_starts, uuid_send(gen_random_uuid())
FROM disclosures_once;

DROP TABLE disclosures_once;

GRANT SELECT, INSERT ON disclosures TO quotient_service;

-- migrate:down

DO $$ BEGIN RAISE EXCEPTION 'restore the database from before this migration'; END $$;
