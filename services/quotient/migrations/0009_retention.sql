-- migrate:up

-- How long a caisse keeps its lines of the journal, where it is not 36 months.
CREATE TABLE journal_retentions (
    caisse_code text PRIMARY KEY,
    months smallint NOT NULL CHECK (months BETWEEN 12 AND 120)
);

-- The first day (Europe/Paris) whose lines are kept. A line of the day d is kept to the end of the day that has the same
-- number so many months later, or of the last one where that month is shorter.
CREATE FUNCTION first_kept_day(today date, months integer) RETURNS date LANGUAGE sql IMMUTABLE AS $$
    SELECT before + (extract(day FROM before) < extract(day FROM today))::integer
    FROM (SELECT (today - make_interval(months => months))::date AS before) AS month_of_then
$$;

-- Lines from this instant on are kept, by the clock of the database. Nobody keeps less than twelve months.
CREATE FUNCTION journal_kept_from(caisse text) RETURNS timestamptz LANGUAGE sql STABLE
SET search_path = public, pg_temp AS $$
    SELECT first_kept_day(
        (now() AT TIME ZONE 'Europe/Paris')::date,
        greatest(12, coalesce((SELECT months FROM journal_retentions WHERE caisse_code = caisse), 36))
    )::timestamp AT TIME ZONE 'Europe/Paris'
$$;

-- Deletes the oldest lines of a caisse that were made before `before`, are past its retention and have their leaf in the
-- tree; tells how many. The service's role may do this, and has no right to delete a line.
CREATE FUNCTION purge_journal(caisse text, before timestamptz, line_limit integer) RETURNS integer LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    kept_from timestamptz := least(before, journal_kept_from(caisse));
    -- Some that another purge holds are left to it.
    expired uuid[] := ARRAY(
        SELECT consultation_id FROM disclosures AS line
        WHERE caisse_code = caisse AND consultation_id < uuid7_floor(kept_from) AND disclose_time < kept_from
            AND EXISTS (SELECT FROM journal_leaves AS leaf WHERE leaf.consultation_id = line.consultation_id)
        ORDER BY consultation_id
        LIMIT line_limit
        FOR UPDATE SKIP LOCKED
    );
    purged_count integer;
BEGIN
    DELETE FROM disclosures WHERE consultation_id = ANY (expired);
    GET DIAGNOSTICS purged_count = ROW_COUNT;
    RETURN purged_count;
END
$$;

-- Drops a partition that a purge has emptied; tells whether there was one, and nobody was in the way. No trigger sees
-- a DROP, so nothing but an empty table is ever dropped.
CREATE FUNCTION drop_purged_journal_month() RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
-- Consultations wait behind this lock while it is waited for.
SET search_path = public, pg_temp SET lock_timeout = '100ms' AS $$
DECLARE
    shortest timestamptz := first_kept_day((now() AT TIME ZONE 'Europe/Paris')::date, 12)::timestamp
        AT TIME ZONE 'Europe/Paris';
    partition regclass;
    has_lines boolean;
BEGIN
    FOR partition IN
        SELECT relation.oid FROM pg_inherits
        JOIN pg_class AS relation ON relation.oid = inhrelid
        WHERE inhparent = 'disclosures'::regclass
            AND relname < 'disclosures_' || to_char(shortest AT TIME ZONE 'UTC', 'YYYYMM')
        ORDER BY relname
    LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %s)', partition) INTO has_lines;
        CONTINUE WHEN has_lines;
        LOCK TABLE ONLY disclosures IN ACCESS EXCLUSIVE MODE;
        EXECUTE format('SELECT EXISTS (SELECT FROM %s)', partition) INTO has_lines;
        CONTINUE WHEN has_lines;
        EXECUTE format('DROP TABLE %s', partition);
        RETURN true;
    END LOOP;
    RETURN false;
EXCEPTION WHEN lock_not_available THEN
    RETURN false;
END
$$;

REVOKE ALL ON FUNCTION purge_journal, drop_purged_journal_month FROM PUBLIC;
GRANT EXECUTE ON FUNCTION purge_journal, drop_purged_journal_month TO quotient_service;

-- Erasures that people asked for (RGPD art. 17), themselves kept as proof.
CREATE TABLE erasures (
    erasure_id uuid PRIMARY KEY,
    person_id uuid NOT NULL REFERENCES persons,
    caisse_code text NOT NULL,
    reference text NOT NULL,
    erase_time timestamptz NOT NULL,
    dossier_count integer NOT NULL,
    period_count integer NOT NULL
);

CREATE INDEX erasures_of_person ON erasures (person_id, caisse_code, erase_time);

GRANT SELECT, INSERT, UPDATE (months) ON journal_retentions TO quotient_service;
GRANT SELECT, INSERT ON erasures TO quotient_service;

-- migrate:down

DROP TABLE erasures;
DROP FUNCTION drop_purged_journal_month, purge_journal, journal_kept_from, first_kept_day;
DROP TABLE journal_retentions;
