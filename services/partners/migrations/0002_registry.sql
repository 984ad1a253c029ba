-- migrate:up

-- Agents of the caisses (art. 4-1). Whoever left stays, with the instant.
CREATE TABLE caisse_agents (
    agent_id uuid CONSTRAINT caisse_agents_pkey PRIMARY KEY,
    caisse_code text NOT NULL CONSTRAINT caisse_agents_caisse_code_form CHECK (caisse_code ~ '^[0-9]{2}$'),
    agent_name text COLLATE "C" NOT NULL
        CONSTRAINT caisse_agents_name_form CHECK (agent_name ~ '^[a-z0-9][a-z0-9.-]{0,99}$'),
    nom text NOT NULL CONSTRAINT caisse_agents_nom_length CHECK (char_length(nom) BETWEEN 1 AND 100),
    prenom text NOT NULL CONSTRAINT caisse_agents_prenom_length CHECK (char_length(prenom) BETWEEN 1 AND 100),
    function text NOT NULL CONSTRAINT caisse_agents_function_known CHECK (function IN ('DIRECTOR', 'AGENT')),
    habilitate_time timestamptz NOT NULL,
    withdraw_time timestamptz
);
CREATE UNIQUE INDEX caisse_agents_present_key ON caisse_agents (caisse_code, agent_name) WHERE withdraw_time IS NULL;
-- One director at a time.
CREATE UNIQUE INDEX caisse_agents_director_key ON caisse_agents (caisse_code)
    WHERE function = 'DIRECTOR' AND withdraw_time IS NULL;
CREATE INDEX caisse_agents_caisse_idx ON caisse_agents (caisse_code, agent_id);

-- Every change: who, when, why, before and after. The owner cannot alter it either.
CREATE TABLE events (
    event_id uuid CONSTRAINT events_pkey PRIMARY KEY,
    -- Events of one millisecond, too, have an order.
    position bigint GENERATED ALWAYS AS IDENTITY,
    event_time timestamptz NOT NULL,
    caisse_code text NOT NULL,
    subject_kind text NOT NULL CONSTRAINT events_subject_kind_form CHECK (subject_kind ~ '^[A-Z_]+$'),
    subject_id uuid NOT NULL,
    kind text NOT NULL CONSTRAINT events_kind_form CHECK (kind ~ '^[A-Z_]+$'),
    agent_id uuid CONSTRAINT events_agent_fkey REFERENCES caisse_agents,
    client_name text NOT NULL DEFAULT '',
    reason text NOT NULL DEFAULT '' CONSTRAINT events_reason_length CHECK (char_length(reason) <= 500),
    state_before jsonb,
    state_after jsonb,
    trace_id text NOT NULL DEFAULT ''
);
CREATE INDEX events_caisse_idx ON events (caisse_code, position);
CREATE INDEX events_subject_idx ON events (subject_id, position);

-- What is known of a convention. Its state on any day is computed from these.
CREATE TABLE convention_facts (
    fact_id uuid CONSTRAINT convention_facts_pkey PRIMARY KEY,
    convention_id uuid NOT NULL CONSTRAINT convention_facts_convention_fkey REFERENCES conventions,
    position integer NOT NULL CONSTRAINT convention_facts_position_order CHECK (position > 0),
    kind text NOT NULL CONSTRAINT convention_facts_kind_form CHECK (kind ~ '^[A-Z_]+$'),
    details jsonb NOT NULL,
    record_time timestamptz NOT NULL,
    -- Two agents at once cannot both be next.
    CONSTRAINT convention_facts_position_key UNIQUE (convention_id, position)
);

CREATE FUNCTION refuse_history_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the history of the register is append-only' USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_history_change();
CREATE TRIGGER convention_facts_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON convention_facts
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_history_change();
-- For a session that replays changes too.
ALTER TABLE events ENABLE ALWAYS TRIGGER events_append_only;
ALTER TABLE convention_facts ENABLE ALWAYS TRIGGER convention_facts_append_only;

-- What else is known of a partner (annexe 2, art. 7-1, 13-7); empty where it was not told.
ALTER TABLE partners
    ADD COLUMN version integer NOT NULL DEFAULT 1,
    ADD COLUMN representative text NOT NULL DEFAULT ''
        CONSTRAINT partners_representative_length CHECK (char_length(representative) <= 200),
    ADD COLUMN representative_function text NOT NULL DEFAULT ''
        CONSTRAINT partners_representative_function_length CHECK (char_length(representative_function) <= 200),
    ADD COLUMN structure_kind text NOT NULL DEFAULT ''
        CONSTRAINT partners_structure_kind_form CHECK (structure_kind ~ '^[A-Z_]*$'),
    ADD COLUMN departments text[] NOT NULL DEFAULT '{}',
    ADD COLUMN siret text NOT NULL DEFAULT '' CONSTRAINT partners_siret_form CHECK (siret ~ '^([0-9]{14})?$'),
    ADD COLUMN email text NOT NULL DEFAULT '' CONSTRAINT partners_email_length CHECK (char_length(email) <= 254),
    ADD COLUMN seat_street text NOT NULL DEFAULT ''
        CONSTRAINT partners_seat_street_length CHECK (char_length(seat_street) <= 200),
    ADD COLUMN seat_postal_code text NOT NULL DEFAULT ''
        CONSTRAINT partners_seat_postal_code_form CHECK (seat_postal_code ~ '^([0-9]{5})?$'),
    ADD COLUMN seat_commune text NOT NULL DEFAULT ''
        CONSTRAINT partners_seat_commune_length CHECK (char_length(seat_commune) <= 100),
    -- Number, dénomination and commune without accents and capitals, each word behind a space. A release before
    -- this one leaves it empty: its partners are listed, and found once they are changed.
    ADD COLUMN search_text text COLLATE "C" NOT NULL DEFAULT '';
UPDATE partners SET search_text = ' ' || btrim(regexp_replace(
    translate(
        replace(replace(lower(numero_tiers) || ' ' || lower(denomination), 'œ', 'oe'), 'æ', 'ae'),
        'àâäáãåéèêëíìîïóòôöõúùûüýÿçñ', 'aaaaaaeeeeiiiiooooouuuuyycn'
    ),
    '[^a-z0-9]+', ' ', 'g'
));

-- How and until when access is suspended (art. 7-2).
ALTER TABLE suspensions
    ADD COLUMN kind text NOT NULL DEFAULT 'TEMPORARY'
        CONSTRAINT suspensions_kind_known CHECK (kind IN ('TEMPORARY', 'DEFINITIVE')),
    -- The first day on which it bears no more.
    ADD COLUMN until_date date,
    ADD CONSTRAINT suspensions_definitive_has_no_end CHECK (kind = 'TEMPORARY' OR until_date IS NULL);
CREATE INDEX suspensions_until_idx ON suspensions (until_date) WHERE lift_time IS NULL;

CREATE TABLE user_suspensions (
    suspension_id uuid CONSTRAINT user_suspensions_pkey PRIMARY KEY,
    habilitation_id uuid NOT NULL CONSTRAINT user_suspensions_habilitation_fkey REFERENCES habilitations,
    suspension_reason text NOT NULL
        CONSTRAINT user_suspensions_reason_length CHECK (char_length(suspension_reason) BETWEEN 1 AND 500),
    suspend_time timestamptz NOT NULL,
    lift_time timestamptz,
    kind text NOT NULL CONSTRAINT user_suspensions_kind_known CHECK (kind IN ('TEMPORARY', 'DEFINITIVE')),
    until_date date,
    CONSTRAINT user_suspensions_definitive_has_no_end CHECK (kind = 'TEMPORARY' OR until_date IS NULL)
);
CREATE UNIQUE INDEX user_suspensions_present_key ON user_suspensions (habilitation_id) WHERE lift_time IS NULL;
CREATE INDEX user_suspensions_until_idx ON user_suspensions (until_date) WHERE lift_time IS NULL;

-- A draft has no signature yet (art. 9-1). The three days are what the facts make; nothing is decided here.
ALTER TABLE conventions
    ADD COLUMN version integer NOT NULL DEFAULT 1,
    ALTER COLUMN signature_date DROP NOT NULL;
CREATE INDEX conventions_caisse_idx ON conventions (caisse_code, convention_id);
CREATE INDEX conventions_end_idx ON conventions (end_date) WHERE end_date IS NOT NULL;
-- What was known before there were facts.
INSERT INTO convention_facts (fact_id, convention_id, position, kind, details, record_time)
SELECT gen_random_uuid(), convention_id, row_number() OVER (PARTITION BY convention_id ORDER BY rank, record_time),
    kind, details, record_time
FROM (
    SELECT convention_id, 1 AS rank, 'SIGNATURE' AS kind, create_time AS record_time,
        jsonb_build_object('party', party, 'signature_date', signature_date) AS details
    FROM conventions CROSS JOIN (VALUES ('CAISSE'), ('PARTNER')) AS parties (party)
    UNION ALL
    SELECT convention_id, 2, 'CNIL_DECLARATION', create_time,
        jsonb_build_object('transmission_date', cnil_declaration_date)
    FROM conventions WHERE cnil_declaration_date IS NOT NULL
    UNION ALL
    SELECT convention_id, 3, 'AGREED_END', record_time, jsonb_build_object('end_date', end_date)
    FROM convention_ends
) AS known;

-- Yearly re-certification: whoever the partner does not confirm has no habilitation from `lapse_date` on. The default,
-- a year and sixty days, is for rows of a release before this one.
ALTER TABLE habilitations
    ADD COLUMN version integer NOT NULL DEFAULT 1,
    ADD COLUMN lapse_date date NOT NULL DEFAULT (current_date + 426);
CREATE INDEX habilitations_lapse_idx ON habilitations (lapse_date) WHERE withdraw_time IS NULL;

-- The forms of annexe 2 (art. 4-1, 4-4).
CREATE TABLE access_requests (
    access_request_id uuid CONSTRAINT access_requests_pkey PRIMARY KEY,
    convention_id uuid NOT NULL CONSTRAINT access_requests_convention_fkey REFERENCES conventions,
    partner_id uuid NOT NULL CONSTRAINT access_requests_partner_fkey REFERENCES partners,
    caisse_code text NOT NULL,
    kind text NOT NULL CONSTRAINT access_requests_kind_known CHECK (kind IN ('CREATION', 'MODIFICATION', 'WITHDRAWAL')),
    bouquet text NOT NULL,
    habilitation_id uuid CONSTRAINT access_requests_habilitation_fkey REFERENCES habilitations,
    partner_denomination text NOT NULL,
    partner_representative text NOT NULL,
    partner_representative_function text NOT NULL,
    user_nom text NOT NULL,
    user_prenom text NOT NULL,
    user_email text NOT NULL,
    signatory_name text NOT NULL,
    signature_place text NOT NULL,
    signature_date date,
    signed boolean NOT NULL,
    scan_sha256 text NOT NULL,
    scan_reference text NOT NULL,
    receive_time timestamptz NOT NULL,
    decide_time timestamptz,
    refusal_reason text NOT NULL DEFAULT '',
    granted_habilitation_id uuid CONSTRAINT access_requests_granted_fkey REFERENCES habilitations,
    version integer NOT NULL DEFAULT 1,
    CONSTRAINT access_requests_habilitation_whole CHECK ((kind = 'CREATION') = (habilitation_id IS NULL)),
    CONSTRAINT access_requests_refusal_decided CHECK (refusal_reason = '' OR decide_time IS NOT NULL)
);
CREATE INDEX access_requests_caisse_idx ON access_requests (caisse_code, access_request_id);
CREATE INDEX access_requests_convention_idx ON access_requests (convention_id, access_request_id);

-- What identity has still to be told (N3): written with the act, removed from view when it is done, never lost.
CREATE TABLE propagations (
    propagation_id uuid CONSTRAINT propagations_pkey PRIMARY KEY,
    kind text NOT NULL
        CONSTRAINT propagations_kind_known CHECK (kind IN ('END_PARTNER_SESSIONS', 'END_USER_SESSIONS', 'DISABLE_ACCOUNT')),
    -- The partner, or the habilitation.
    subject_id uuid NOT NULL,
    create_time timestamptz NOT NULL,
    attempt_count integer NOT NULL DEFAULT 0,
    next_attempt_time timestamptz NOT NULL,
    done_time timestamptz
);
CREATE INDEX propagations_waiting_idx ON propagations (next_attempt_time) WHERE done_time IS NULL;

-- Reminders of deadlines; a mailer leases, delivers and acknowledges.
CREATE TABLE outbox_messages (
    message_id uuid CONSTRAINT outbox_messages_pkey PRIMARY KEY,
    caisse_code text NOT NULL,
    audience text NOT NULL CONSTRAINT outbox_messages_audience_known CHECK (audience IN ('CAISSE', 'PARTNER')),
    kind text NOT NULL CONSTRAINT outbox_messages_kind_form CHECK (kind ~ '^[A-Z_]+$'),
    subject_id uuid NOT NULL,
    partner_id uuid NOT NULL CONSTRAINT outbox_messages_partner_fkey REFERENCES partners,
    due_date date NOT NULL,
    days_before integer NOT NULL,
    create_time timestamptz NOT NULL,
    lease_expire_time timestamptz,
    acknowledge_time timestamptz,
    -- Its deadline no longer holds.
    void_time timestamptz,
    -- The same reminder is never written twice, however many servers look.
    CONSTRAINT outbox_messages_once UNIQUE (kind, subject_id, due_date, days_before, audience)
);
CREATE INDEX outbox_messages_waiting_idx ON outbox_messages (message_id)
    WHERE acknowledge_time IS NULL AND void_time IS NULL;
CREATE INDEX outbox_messages_due_idx ON outbox_messages (due_date);

-- The service removes nothing but messages whose matter is long over.
GRANT SELECT, INSERT ON caisse_agents, events, convention_facts, user_suspensions, access_requests, propagations
    TO partners_service;
GRANT SELECT, INSERT, DELETE ON outbox_messages TO partners_service;
GRANT UPDATE (withdraw_time) ON caisse_agents TO partners_service;
GRANT UPDATE (denomination, representative, representative_function, structure_kind, departments, siret, email,
    seat_street, seat_postal_code, seat_commune, search_text, version) ON partners TO partners_service;
GRANT UPDATE (lift_time) ON user_suspensions TO partners_service;
GRANT UPDATE (signature_date, version) ON conventions TO partners_service;
GRANT UPDATE (lapse_date, version) ON habilitations TO partners_service;
GRANT UPDATE (partner_denomination, partner_representative, partner_representative_function, user_nom, user_prenom,
    user_email, signatory_name, signature_place, signature_date, signed, scan_sha256, scan_reference, decide_time,
    refusal_reason, granted_habilitation_id, version) ON access_requests TO partners_service;
GRANT UPDATE (attempt_count, next_attempt_time, done_time) ON propagations TO partners_service;
GRANT UPDATE (lease_expire_time, acknowledge_time, void_time) ON outbox_messages TO partners_service;

-- migrate:down

REVOKE UPDATE (signature_date, version) ON conventions FROM partners_service;
DROP TABLE outbox_messages, propagations, access_requests, user_suspensions, convention_facts, events, caisse_agents;
DROP FUNCTION refuse_history_change();
ALTER TABLE habilitations DROP COLUMN version, DROP COLUMN lapse_date;
DROP INDEX conventions_caisse_idx, conventions_end_idx;
DELETE FROM conventions WHERE signature_date IS NULL;
ALTER TABLE conventions DROP COLUMN version, ALTER COLUMN signature_date SET NOT NULL;
DROP INDEX suspensions_until_idx;
ALTER TABLE suspensions DROP COLUMN kind, DROP COLUMN until_date;
ALTER TABLE partners DROP COLUMN version, DROP COLUMN representative, DROP COLUMN representative_function,
    DROP COLUMN structure_kind, DROP COLUMN departments, DROP COLUMN siret, DROP COLUMN email,
    DROP COLUMN seat_street, DROP COLUMN seat_postal_code, DROP COLUMN seat_commune, DROP COLUMN search_text;
