-- migrate:up

-- Who is spoken of, known by an index only: a person is indexed in this one place, so that a rotation of the key
-- rewrites one table, and what joins on person_id never notices.
CREATE TABLE persons (
    person_id uuid PRIMARY KEY,
    -- HMAC-SHA-256 under the newest key, of the index under the key before; of the NIR under the first.
    person_index bytea NOT NULL CHECK (octet_length(person_index) = 32),
    index_generation smallint NOT NULL DEFAULT 1,
    CONSTRAINT persons_index_key UNIQUE (person_index)
);

INSERT INTO persons (person_id, person_index)
SELECT gen_random_uuid(), person_index
FROM (SELECT person_index FROM dossier_persons UNION SELECT person_index FROM oppositions) AS known;

-- The publication of a file: how far it came, so that it goes on there after a cut.
CREATE TABLE publications (
    publication_id uuid PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('REGULAR', 'RECTIFICATION')),
    reference text NOT NULL,
    source_digest bytea NOT NULL CHECK (octet_length(source_digest) = 32),
    begin_time timestamptz NOT NULL,
    -- Null while it is open.
    end_time timestamptz,
    last_line bigint NOT NULL DEFAULT 0,
    created_count bigint NOT NULL DEFAULT 0,
    updated_count bigint NOT NULL DEFAULT 0,
    unchanged_count bigint NOT NULL DEFAULT 0,
    refused_count bigint NOT NULL DEFAULT 0
);

CREATE UNIQUE INDEX publications_open_key ON publications (source_digest, kind, reference) WHERE end_time IS NULL;

ALTER TABLE dossiers
    -- First day on which it is closed; null: it is open.
    ADD COLUMN closed_from date,
    -- The key that enciphers its coordonnées; 0: the wrapping key of the first generation itself.
    ADD COLUMN data_key_id integer NOT NULL DEFAULT 0;

-- Whose dossier it is, and in which time that was known. A person has one dossier with a caisse; a dossier may be that
-- of several people.
CREATE TABLE dossier_holders (
    person_id uuid NOT NULL,
    caisse_code text NOT NULL,
    dossier_id uuid NOT NULL,
    known_from timestamptz NOT NULL,
    -- Null while it is so.
    known_to timestamptz CHECK (known_to >= known_from)
);

CREATE UNIQUE INDEX dossier_holders_key ON dossier_holders (person_id, caisse_code) INCLUDE (dossier_id)
    WHERE known_to IS NULL;
-- Who else is in a dossier: an opposition of one holds for its consultation by all.
CREATE INDEX dossier_holders_dossier ON dossier_holders (dossier_id) WHERE known_to IS NULL;
CREATE INDEX dossier_holders_past ON dossier_holders (person_id, caisse_code) WHERE known_to IS NOT NULL;

INSERT INTO dossier_holders (person_id, caisse_code, dossier_id, known_from)
SELECT persons.person_id, held.caisse_code, held.dossier_id, now()
FROM dossier_persons AS held
JOIN persons USING (person_index);

DROP TABLE dossier_persons;

ALTER TABLE quotient_periods RENAME TO quotient_periods_once;

-- A QF in two times: the days for which it is valid, and the instants between which it was known (art. 3).
CREATE TABLE quotient_periods (
    period_id uuid PRIMARY KEY,
    dossier_id uuid NOT NULL,
    valid_from date NOT NULL,
    -- Null: until a later period begins.
    valid_to date CHECK (valid_to >= valid_from),
    amount_cents integer NOT NULL CHECK (amount_cents >= 0),
    known_from timestamptz NOT NULL,
    -- Null while it is known.
    known_to timestamptz CHECK (known_to >= known_from),
    -- Null where it came with no file.
    publication_id uuid
);

CREATE UNIQUE INDEX quotient_periods_key ON quotient_periods (dossier_id, valid_from) WHERE known_to IS NULL;
CREATE INDEX quotient_periods_past ON quotient_periods (dossier_id) WHERE known_to IS NOT NULL;

INSERT INTO quotient_periods (period_id, dossier_id, valid_from, valid_to, amount_cents, known_from)
SELECT gen_random_uuid(), dossier_id, valid_from, valid_to, amount_cents, now() FROM quotient_periods_once;

DROP TABLE quotient_periods_once;

GRANT SELECT, INSERT, UPDATE (person_index, index_generation) ON persons TO quotient_service;
GRANT SELECT, INSERT, UPDATE (
    end_time, last_line, created_count, updated_count, unchanged_count, refused_count
) ON publications TO quotient_service;
GRANT UPDATE (closed_from, data_key_id) ON dossiers TO quotient_service;
GRANT SELECT, INSERT, UPDATE (known_to) ON dossier_holders TO quotient_service;
GRANT SELECT, INSERT, UPDATE (known_to) ON quotient_periods TO quotient_service;

-- migrate:down

-- What was known before, and people without a dossier, are lost: a database that went this far is restored instead.
DO $$ BEGIN RAISE EXCEPTION 'restore the database from before this migration'; END $$;
