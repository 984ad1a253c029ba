-- migrate:up

-- Lines that no checkpoint covers yet; written with the line, in the same statement.
CREATE TABLE journal_unsealed (
    consultation_id uuid PRIMARY KEY
);

-- Where in the tree a line stands.
CREATE TABLE journal_leaves (
    leaf_index bigint PRIMARY KEY CHECK (leaf_index >= 0),
    consultation_id uuid NOT NULL,
    CONSTRAINT journal_leaves_consultation_key UNIQUE (consultation_id)
);

-- The Merkle tree (RFC 6962) in tiles of 256 hashes (C2SP tlog-tiles): a tile of level L holds the roots of complete
-- subtrees of 256^L leaves. It outlives the lines: what was proved once stays so.
CREATE TABLE journal_tiles (
    level smallint NOT NULL CHECK (level >= 0),
    tile_index bigint NOT NULL CHECK (tile_index >= 0),
    hashes bytea NOT NULL CHECK (octet_length(hashes) % 32 = 0 AND octet_length(hashes) BETWEEN 32 AND 8192),
    PRIMARY KEY (level, tile_index)
);

-- Signed tree heads: the newest, and some of those before.
CREATE TABLE journal_checkpoints (
    tree_size bigint PRIMARY KEY CHECK (tree_size > 0),
    root_hash bytea NOT NULL CHECK (octet_length(root_hash) = 32),
    seal_time timestamptz NOT NULL,
    -- The C2SP signed note.
    note text NOT NULL,
    -- RFC 3161, DER; null: none was asked for.
    timestamp_token bytea
);

INSERT INTO journal_unsealed (consultation_id) SELECT consultation_id FROM disclosures;

GRANT SELECT, INSERT, DELETE ON journal_unsealed TO quotient_service;
GRANT SELECT, INSERT ON journal_leaves TO quotient_service;
GRANT SELECT, INSERT, UPDATE (hashes) ON journal_tiles TO quotient_service;
GRANT SELECT, INSERT, UPDATE (timestamp_token), DELETE ON journal_checkpoints TO quotient_service;

-- migrate:down

DROP TABLE journal_checkpoints, journal_tiles, journal_leaves, journal_unsealed;
