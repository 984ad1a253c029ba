-- migrate:up

-- How many consultations each account made, by the hour (art. 7-2). Counts only: no NIR, no person, no outcome of one.
CREATE TABLE use_counts (
    account_id uuid NOT NULL CONSTRAINT use_counts_account_id_fkey REFERENCES accounts,
    -- When the hour began; the last lift of a suspension where that was later: what was before counts no more.
    begin_time timestamptz NOT NULL,
    partner_id uuid NOT NULL,
    consultation_count integer NOT NULL
        CONSTRAINT use_counts_consultation_count_range CHECK (consultation_count >= 0),
    -- Those that met nobody whom the caisse knows.
    not_found_count integer NOT NULL
        CONSTRAINT use_counts_not_found_count_range CHECK (not_found_count BETWEEN 0 AND consultation_count),
    CONSTRAINT use_counts_pkey PRIMARY KEY (account_id, begin_time)
);
CREATE INDEX use_counts_of_partner ON use_counts (partner_id, begin_time);
CREATE INDEX use_counts_by_time ON use_counts (begin_time);

-- The networks an account called from within a day, cut to /24 or /56; removed once a day old.
CREATE TABLE use_networks (
    account_id uuid NOT NULL CONSTRAINT use_networks_account_id_fkey REFERENCES accounts,
    network_prefix text NOT NULL CONSTRAINT use_networks_network_prefix_length CHECK (length(network_prefix) <= 64),
    last_use_time timestamptz NOT NULL,
    CONSTRAINT use_networks_pkey PRIMARY KEY (account_id, network_prefix)
);
CREATE INDEX use_networks_by_time ON use_networks (last_use_time);

-- What was unusual about an account's use, and why.
CREATE TABLE unusual_uses (
    -- A UUIDv7: its order is that of time.
    unusual_use_id uuid CONSTRAINT unusual_uses_pkey PRIMARY KEY,
    event_time timestamptz NOT NULL,
    account_id uuid NOT NULL CONSTRAINT unusual_uses_account_id_fkey REFERENCES accounts,
    partner_id uuid NOT NULL,
    caisse_code text NOT NULL,
    score integer NOT NULL CONSTRAINT unusual_uses_score_range CHECK (score BETWEEN 0 AND 100),
    -- What the score is made of, weightiest first: kind, points, and how many were seen and expected of each.
    kinds text[] NOT NULL,
    points integer[] NOT NULL,
    observed_counts integer[] NOT NULL,
    expected_counts integer[] NOT NULL,
    suspended boolean NOT NULL,
    CONSTRAINT unusual_uses_reasons_agree CHECK (
        cardinality(kinds) = cardinality(points) AND cardinality(kinds) = cardinality(observed_counts)
        AND cardinality(kinds) = cardinality(expected_counts)
    )
);
CREATE INDEX unusual_uses_of_caisse ON unusual_uses (caisse_code, unusual_use_id);
CREATE INDEX unusual_uses_of_account ON unusual_uses (account_id, unusual_use_id);
CREATE INDEX unusual_uses_by_time ON unusual_uses (event_time);

-- Accounts that are refused until their caisse has looked at them (art. 7-2; N3).
CREATE TABLE use_suspensions (
    -- What it was suspended for.
    unusual_use_id uuid CONSTRAINT use_suspensions_pkey PRIMARY KEY
        CONSTRAINT use_suspensions_unusual_use_id_fkey REFERENCES unusual_uses,
    account_id uuid NOT NULL CONSTRAINT use_suspensions_account_id_fkey REFERENCES accounts,
    suspend_time timestamptz NOT NULL,
    -- Absent while it stands.
    lift_time timestamptz CONSTRAINT use_suspensions_lift_time_order CHECK (lift_time >= suspend_time)
);
-- However many gateways report at once, an account is suspended once.
CREATE UNIQUE INDEX use_suspensions_one_stands ON use_suspensions (account_id) WHERE lift_time IS NULL;
CREATE INDEX use_suspensions_lifted ON use_suspensions (account_id, lift_time) WHERE lift_time IS NOT NULL;
CREATE INDEX use_suspensions_by_lift_time ON use_suspensions (lift_time) WHERE lift_time IS NOT NULL;

-- From which scores on a caisse is told, and accounts are suspended; 101: never.
CREATE TABLE use_policies (
    caisse_code text CONSTRAINT use_policies_pkey PRIMARY KEY,
    notice_score integer NOT NULL CONSTRAINT use_policies_notice_score_range CHECK (notice_score BETWEEN 1 AND 100),
    suspension_score integer NOT NULL
        CONSTRAINT use_policies_suspension_score_range CHECK (suspension_score BETWEEN notice_score AND 101)
);

GRANT SELECT, INSERT, DELETE ON use_counts TO identity_service;
GRANT UPDATE (consultation_count, not_found_count) ON use_counts TO identity_service;
GRANT SELECT, INSERT, DELETE ON use_networks TO identity_service;
GRANT UPDATE (last_use_time) ON use_networks TO identity_service;
GRANT SELECT, INSERT, DELETE ON unusual_uses TO identity_service;
GRANT SELECT, INSERT, DELETE ON use_suspensions TO identity_service;
GRANT UPDATE (lift_time) ON use_suspensions TO identity_service;
GRANT SELECT, INSERT ON use_policies TO identity_service;
GRANT UPDATE (notice_score, suspension_score) ON use_policies TO identity_service;

-- migrate:down

DROP TABLE use_policies;
DROP TABLE use_suspensions;
DROP TABLE unusual_uses;
DROP TABLE use_networks;
DROP TABLE use_counts;
