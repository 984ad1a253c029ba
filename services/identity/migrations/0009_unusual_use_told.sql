-- migrate:up

-- Whether the caisse is mailed what was noticed without a suspension too.
ALTER TABLE use_policies ADD COLUMN notices_mailed boolean NOT NULL DEFAULT false;

-- The trace of the last call that counted; empty where unknown.
ALTER TABLE unusual_uses
    ADD COLUMN trace_id text NOT NULL DEFAULT ''
        CONSTRAINT unusual_uses_trace_id_shape CHECK (trace_id ~ '^([0-9a-f]{32})?$');

-- The outbox tells caisses of unusual use too (art. 7-2). What it says stands in unusual_uses, and it goes with it.
ALTER TABLE outbox_messages
    DROP CONSTRAINT outbox_messages_kind,
    ALTER COLUMN used_time DROP NOT NULL,
    ALTER COLUMN disable_date DROP NOT NULL,
    ALTER COLUMN days_before DROP NOT NULL,
    -- However often it is written, each is told once.
    ADD COLUMN unusual_use_id uuid
        CONSTRAINT outbox_messages_unusual_use_once UNIQUE
        CONSTRAINT outbox_messages_unusual_use_id_fkey REFERENCES unusual_uses ON DELETE CASCADE,
    ADD CONSTRAINT outbox_messages_kind CHECK (kind IN ('DORMANCY_WARNING', 'UNUSUAL_USE')),
    ADD CONSTRAINT outbox_messages_content CHECK (
        CASE kind
            WHEN 'DORMANCY_WARNING' THEN
                num_nulls(used_time, disable_date, days_before) = 0 AND unusual_use_id IS NULL
            ELSE num_nonnulls(used_time, disable_date, days_before) = 0 AND unusual_use_id IS NOT NULL
        END
    );

-- Unusual use is leased first: somebody may be copying files meanwhile.
DROP INDEX outbox_messages_waiting;
CREATE INDEX outbox_messages_waiting ON outbox_messages ((kind <> 'UNUSUAL_USE'), message_id)
    WHERE acknowledge_time IS NULL;

GRANT UPDATE (notices_mailed) ON use_policies TO identity_service;

-- migrate:down

DELETE FROM outbox_messages WHERE kind = 'UNUSUAL_USE';
DROP INDEX outbox_messages_waiting;
CREATE INDEX outbox_messages_waiting ON outbox_messages (message_id) WHERE acknowledge_time IS NULL;
ALTER TABLE outbox_messages
    DROP CONSTRAINT outbox_messages_content,
    DROP CONSTRAINT outbox_messages_kind,
    DROP COLUMN unusual_use_id,
    ALTER COLUMN used_time SET NOT NULL,
    ALTER COLUMN disable_date SET NOT NULL,
    ALTER COLUMN days_before SET NOT NULL,
    ADD CONSTRAINT outbox_messages_kind CHECK (kind IN ('DORMANCY_WARNING'));
ALTER TABLE unusual_uses DROP COLUMN trace_id;
ALTER TABLE use_policies DROP COLUMN notices_mailed;
