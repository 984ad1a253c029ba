-- migrate:up

GRANT SELECT ON public.schema_migrations TO quotient_service;

CREATE TABLE dossiers (
    dossier_id uuid PRIMARY KEY,
    caisse_code text NOT NULL,
    numero_dossier text NOT NULL,
    -- AES-256-GCM, bound to dossier_id.
    coordonnees bytea NOT NULL,
    -- Keyed digest: tells whether a publication says something new without deciphering.
    coordonnees_digest bytea NOT NULL,
    CONSTRAINT dossiers_numero_key UNIQUE (caisse_code, numero_dossier)
);

-- Whose dossier it is. A person has one dossier with a caisse; a dossier may be that of several people.
CREATE TABLE dossier_persons (
    -- HMAC-SHA-256 of the NIR, which is stored nowhere.
    person_index bytea NOT NULL CHECK (octet_length(person_index) = 32),
    caisse_code text NOT NULL,
    dossier_id uuid NOT NULL REFERENCES dossiers,
    PRIMARY KEY (person_index, caisse_code)
);

-- Who else is in a dossier: an opposition of one holds for its consultation by all.
CREATE INDEX dossier_persons_dossier ON dossier_persons (dossier_id);

CREATE TABLE quotient_periods (
    dossier_id uuid NOT NULL REFERENCES dossiers,
    valid_from date NOT NULL,
    -- Null: until a later period begins.
    valid_to date CHECK (valid_to >= valid_from),
    amount_cents integer NOT NULL CHECK (amount_cents >= 0),
    PRIMARY KEY (dossier_id, valid_from)
);

GRANT SELECT, INSERT, UPDATE (coordonnees, coordonnees_digest) ON dossiers TO quotient_service;
GRANT SELECT, INSERT, UPDATE (dossier_id) ON dossier_persons TO quotient_service;
GRANT SELECT, INSERT, UPDATE (valid_to, amount_cents) ON quotient_periods TO quotient_service;

-- migrate:down

DROP TABLE quotient_periods;
DROP TABLE dossier_persons;
DROP TABLE dossiers;
