-- migrate:up

-- The keys of the person index that are in use. Keys lie in files; here is what tells one from another.
CREATE TABLE person_index_keys (
    generation smallint PRIMARY KEY CHECK (generation > 0),
    fingerprint bytea NOT NULL CHECK (octet_length(fingerprint) = 8),
    begin_time timestamptz NOT NULL,
    -- Null while people are still indexed under the one before.
    complete_time timestamptz
);

-- The keys that encipher coordonnées, themselves enciphered under a key that lies in a file.
CREATE TABLE data_keys (
    data_key_id integer PRIMARY KEY CHECK (data_key_id > 0),
    wrapped_key bytea NOT NULL,
    wrapping_generation smallint NOT NULL,
    wrapping_fingerprint bytea NOT NULL CHECK (octet_length(wrapping_fingerprint) = 8),
    create_time timestamptz NOT NULL
);

-- How far a rotation came with each table, so that it goes on there after a cut.
CREATE TABLE key_rotations (
    subject text NOT NULL CHECK (subject IN ('persons', 'dossiers')),
    -- The generation or data key that everything is brought to.
    target integer NOT NULL,
    -- The last row that was looked at; null: none.
    last_id uuid,
    done_count bigint NOT NULL DEFAULT 0,
    total_count bigint NOT NULL,
    begin_time timestamptz NOT NULL,
    complete_time timestamptz,
    PRIMARY KEY (subject, target)
);

-- Raises where the caller does not index people under the newest key: it would miss those who are rewritten already.
-- It reads in the snapshot of the statement that asks, and so tells of just the rows which that statement sees.
CREATE FUNCTION require_index_generation(known integer) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF known IS DISTINCT FROM (SELECT max(generation) FROM person_index_keys) THEN
        RAISE EXCEPTION 'the person index has another generation' USING ERRCODE = 'QF001';
    END IF;
    RETURN true;
END
$$;

GRANT SELECT, INSERT, UPDATE (complete_time) ON person_index_keys TO quotient_service;
GRANT SELECT, INSERT, UPDATE (wrapped_key, wrapping_generation, wrapping_fingerprint) ON data_keys TO quotient_service;
GRANT SELECT, INSERT, UPDATE (last_id, done_count, complete_time) ON key_rotations TO quotient_service;

-- migrate:down

DROP FUNCTION require_index_generation;
DROP TABLE key_rotations, data_keys, person_index_keys;
