-- migrate:up

-- What a caisse asks of every consultation; nothing where it has no row. Who plans its maintenances locks the row.
CREATE TABLE caisse_settings (
    caisse_code text CONSTRAINT caisse_settings_pkey PRIMARY KEY
        CONSTRAINT caisse_settings_caisse_code_form CHECK (caisse_code ~ '^[0-9]{2}$'),
    -- What its events are about.
    settings_id uuid NOT NULL CONSTRAINT caisse_settings_id_key UNIQUE,
    case_reference_required boolean NOT NULL DEFAULT false
);
-- Authorize reads this; it is as small as the number of caisses that ask.
CREATE INDEX caisse_settings_reference_idx ON caisse_settings (caisse_code) WHERE case_reference_required;

-- Times in which a caisse's service answers nothing (art. 5). A cancelled one stays, as it was planned.
CREATE TABLE maintenances (
    maintenance_id uuid CONSTRAINT maintenances_pkey PRIMARY KEY,
    caisse_code text NOT NULL CONSTRAINT maintenances_caisse_fkey REFERENCES caisse_settings,
    start_time timestamptz NOT NULL,
    -- The first instant after it.
    end_time timestamptz NOT NULL,
    message text NOT NULL CONSTRAINT maintenances_message_length CHECK (char_length(message) BETWEEN 1 AND 200),
    cancel_time timestamptz,
    CONSTRAINT maintenances_order CHECK (end_time > start_time),
    CONSTRAINT maintenances_length CHECK (end_time - start_time <= interval '72 hours'),
    -- Those of one caisse do not overlap, as far as they ran: one that was cancelled before it began takes no room.
    -- A range of one code stands for the code, so that no extension is needed.
    CONSTRAINT maintenances_no_overlap EXCLUDE USING gist (
        int4range(caisse_code::integer, caisse_code::integer, '[]') WITH &&,
        tstzrange(start_time, greatest(start_time, least(end_time, cancel_time))) WITH &&
    )
);
-- Authorize finds here those that run or are to come.
CREATE INDEX maintenances_ahead_idx ON maintenances (end_time) WHERE cancel_time IS NULL;

-- Who is answerable for a partner's users reviews their consultations (art. 4-2).
ALTER TABLE habilitations
    DROP CONSTRAINT habilitations_bouquet_known,
    ADD CONSTRAINT habilitations_bouquet_known
        CHECK (bouquet IN ('QUOTIENT_FAMILIAL', 'QUOTIENT_FAMILIAL_RESPONSABLE'));

GRANT SELECT, INSERT ON caisse_settings, maintenances TO partners_service;
GRANT UPDATE (case_reference_required) ON caisse_settings TO partners_service;
GRANT UPDATE (cancel_time) ON maintenances TO partners_service;

-- migrate:down

UPDATE habilitations SET bouquet = 'QUOTIENT_FAMILIAL' WHERE bouquet = 'QUOTIENT_FAMILIAL_RESPONSABLE';
UPDATE access_requests SET bouquet = 'QUOTIENT_FAMILIAL' WHERE bouquet = 'QUOTIENT_FAMILIAL_RESPONSABLE';
ALTER TABLE habilitations
    DROP CONSTRAINT habilitations_bouquet_known,
    ADD CONSTRAINT habilitations_bouquet_known CHECK (bouquet IN ('QUOTIENT_FAMILIAL'));
DROP TABLE maintenances, caisse_settings;
