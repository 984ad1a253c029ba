-- migrate:up

-- The register of partners, one per caisse (référentiel des tiers, art. 4-2).
CREATE TABLE partners (
    partner_id uuid CONSTRAINT partners_pkey PRIMARY KEY,
    caisse_code text NOT NULL CONSTRAINT partners_caisse_code_form CHECK (caisse_code ~ '^[0-9]{2}$'),
    -- Lists are in this order, whatever the locale of the database.
    numero_tiers text COLLATE "C" NOT NULL
        CONSTRAINT partners_numero_tiers_form CHECK (numero_tiers ~ '^[0-9A-Za-z-]{1,20}$'),
    denomination text NOT NULL
        CONSTRAINT partners_denomination_length CHECK (char_length(denomination) BETWEEN 1 AND 200),
    create_time timestamptz NOT NULL,
    CONSTRAINT partners_numero_tiers_key UNIQUE (caisse_code, numero_tiers),
    CONSTRAINT partners_caisse_key UNIQUE (partner_id, caisse_code)
);

-- Suspensions of access (art. 7-2). A lifted one stays, with its reason.
CREATE TABLE suspensions (
    suspension_id uuid CONSTRAINT suspensions_pkey PRIMARY KEY,
    partner_id uuid NOT NULL CONSTRAINT suspensions_partner_fkey REFERENCES partners,
    suspension_reason text NOT NULL
        CONSTRAINT suspensions_reason_length CHECK (char_length(suspension_reason) BETWEEN 1 AND 500),
    suspend_time timestamptz NOT NULL,
    lift_time timestamptz
);
-- One at a time; Authorize finds it here.
CREATE UNIQUE INDEX suspensions_present_key ON suspensions (partner_id) WHERE lift_time IS NULL;

-- Conventions with the caisse that registered the partner (art. 4-7, 9).
CREATE TABLE conventions (
    convention_id uuid CONSTRAINT conventions_pkey PRIMARY KEY,
    partner_id uuid NOT NULL,
    caisse_code text NOT NULL,
    signature_date date NOT NULL,
    cnil_declaration_date date,
    -- First day without effect.
    end_date date,
    create_time timestamptz NOT NULL,
    CONSTRAINT conventions_partner_fkey
        FOREIGN KEY (partner_id, caisse_code) REFERENCES partners (partner_id, caisse_code),
    CONSTRAINT conventions_end_order CHECK (end_date >= signature_date)
);
-- Two registrations at once cannot both leave a convention without an end.
CREATE UNIQUE INDEX conventions_open_key ON conventions (partner_id, caisse_code) WHERE end_date IS NULL;
CREATE INDEX conventions_partner_idx ON conventions (partner_id);

-- Every end that was recorded, with its reason (art. 9-2, 10).
CREATE TABLE convention_ends (
    convention_end_id uuid CONSTRAINT convention_ends_pkey PRIMARY KEY,
    convention_id uuid NOT NULL CONSTRAINT convention_ends_convention_fkey REFERENCES conventions,
    end_date date NOT NULL,
    end_reason text NOT NULL
        CONSTRAINT convention_ends_reason_length CHECK (char_length(end_reason) BETWEEN 1 AND 500),
    record_time timestamptz NOT NULL
);
CREATE INDEX convention_ends_convention_idx ON convention_ends (convention_id);

-- Named users and the bouquet they may use (art. 4-1, 4-2, annexe 2).
CREATE TABLE habilitations (
    habilitation_id uuid CONSTRAINT habilitations_pkey PRIMARY KEY,
    convention_id uuid NOT NULL CONSTRAINT habilitations_convention_fkey REFERENCES conventions,
    nom text NOT NULL CONSTRAINT habilitations_nom_length CHECK (char_length(nom) BETWEEN 1 AND 100),
    prenom text NOT NULL CONSTRAINT habilitations_prenom_length CHECK (char_length(prenom) BETWEEN 1 AND 100),
    email text NOT NULL CONSTRAINT habilitations_email_length CHECK (char_length(email) BETWEEN 3 AND 254),
    bouquet text NOT NULL CONSTRAINT habilitations_bouquet_known CHECK (bouquet IN ('QUOTIENT_FAMILIAL')),
    create_time timestamptz NOT NULL,
    withdraw_time timestamptz,
    withdrawal_reason text
        CONSTRAINT habilitations_reason_length CHECK (char_length(withdrawal_reason) BETWEEN 1 AND 500),
    CONSTRAINT habilitations_withdrawal_whole CHECK ((withdraw_time IS NULL) = (withdrawal_reason IS NULL))
);
-- One live habilitation per person under a convention.
CREATE UNIQUE INDEX habilitations_live_key ON habilitations (convention_id, lower(email)) WHERE withdraw_time IS NULL;
CREATE INDEX habilitations_convention_idx ON habilitations (convention_id, habilitation_id);

-- The service deletes nothing and changes only what a rule lets change.
GRANT SELECT ON public.schema_migrations TO partners_service;
GRANT SELECT, INSERT ON partners, suspensions, conventions, convention_ends, habilitations TO partners_service;
GRANT UPDATE (lift_time) ON suspensions TO partners_service;
GRANT UPDATE (cnil_declaration_date, end_date) ON conventions TO partners_service;
GRANT UPDATE (withdraw_time, withdrawal_reason) ON habilitations TO partners_service;

-- migrate:down

DROP TABLE habilitations, convention_ends, conventions, suspensions, partners;
REVOKE SELECT ON public.schema_migrations FROM partners_service;
