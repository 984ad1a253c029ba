-- migrate:up

-- Whoever held a dossier once: what was known of it then is theirs too.
CREATE INDEX dossier_holders_past_dossier ON dossier_holders (dossier_id) WHERE known_to IS NOT NULL;

-- Erases a dossier at the request of a person who holds or held it (RGPD art. 17), and tells how many versions of QFs
-- are gone. The service's role may delete nothing itself: here is what it may, and under which rule. A dossier that is
-- open on `today`, or of which somebody else is an allocataire, or was one after that person, is refused.
--
-- What was known while somebody else held the dossier is that person's as well, and stays; then the dossier stays too,
-- with `sealed`, the enciphered empty text, for its coordonnées. Otherwise nothing of it is left.
CREATE FUNCTION erase_dossier(
    erased uuid, whose uuid, today date, sealed bytea, sealed_digest bytea, sealed_key_id integer
) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    held_until timestamptz;
    gone integer;
BEGIN
    PERFORM FROM dossiers WHERE dossier_id = erased AND closed_from <= today FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'an open dossier is not erased' USING ERRCODE = 'restrict_violation';
    END IF;
    SELECT max(coalesce(known_to, 'infinity')) INTO held_until FROM (
        SELECT known_to FROM dossier_holders
        WHERE dossier_id = erased AND person_id = whose AND known_to IS NULL
        UNION ALL
        SELECT known_to FROM dossier_holders
        WHERE dossier_id = erased AND person_id = whose AND known_to IS NOT NULL
    ) AS held;
    IF held_until IS NULL OR EXISTS (
        SELECT FROM dossier_holders AS other
        WHERE other.dossier_id = erased AND other.person_id <> whose AND other.known_to IS NULL
    ) OR EXISTS (
        SELECT FROM dossier_holders AS other
        WHERE other.dossier_id = erased AND other.person_id <> whose AND other.known_to IS NOT NULL
            AND other.known_to > held_until
    ) THEN
        RAISE EXCEPTION 'a dossier of somebody else is not erased' USING ERRCODE = 'restrict_violation';
    END IF;
    DELETE FROM dossier_holders WHERE dossier_id = erased AND person_id = whose AND known_to IS NULL;
    DELETE FROM dossier_holders WHERE dossier_id = erased AND person_id = whose AND known_to IS NOT NULL;
    WITH kept AS (
        SELECT known_from, known_to FROM dossier_holders WHERE dossier_id = erased AND known_to IS NOT NULL
    ), version AS (
        SELECT period_id, known_from, known_to FROM quotient_periods
        WHERE dossier_id = erased AND known_to IS NULL
        UNION ALL
        SELECT period_id, known_from, known_to FROM quotient_periods
        WHERE dossier_id = erased AND known_to IS NOT NULL
    )
    DELETE FROM quotient_periods WHERE period_id IN (
        SELECT period_id FROM version
        WHERE NOT EXISTS (
            SELECT FROM kept
            WHERE version.known_from < kept.known_to
                AND (version.known_to IS NULL OR version.known_to > kept.known_from
                    OR version.known_from >= kept.known_from)
        )
    );
    GET DIAGNOSTICS gone = ROW_COUNT;
    IF EXISTS (SELECT FROM dossier_holders WHERE dossier_id = erased AND known_to IS NOT NULL) THEN
        UPDATE dossiers
        SET coordonnees = sealed, coordonnees_digest = sealed_digest, data_key_id = sealed_key_id
        WHERE dossier_id = erased;
    ELSE
        DELETE FROM dossiers WHERE dossier_id = erased;
    END IF;
    RETURN gone;
END
$$;
REVOKE ALL ON FUNCTION erase_dossier FROM PUBLIC;
GRANT EXECUTE ON FUNCTION erase_dossier TO quotient_service;

-- migrate:down

DROP FUNCTION erase_dossier;
DROP INDEX dossier_holders_past_dossier;
