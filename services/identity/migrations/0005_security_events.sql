-- migrate:up

-- What happened to accounts and sessions, apart from the logs. Lines are added, never altered; they may be removed
-- once they are old enough.
CREATE TABLE security_events (
    event_id uuid CONSTRAINT security_events_pkey PRIMARY KEY,
    event_time timestamptz NOT NULL,
    kind text NOT NULL CONSTRAINT security_events_kind_shape CHECK (kind ~ '^[A-Z_]+$'),
    account_id uuid,
    session_id uuid,
    network_prefix text NOT NULL DEFAULT '',
    device_id uuid,
    trace_id text NOT NULL DEFAULT '',
    scope text NOT NULL DEFAULT ''
);
-- event_id is a UUIDv7: its order is that of time.
CREATE INDEX security_events_of_account ON security_events (account_id, event_id);
CREATE INDEX security_events_by_time ON security_events (event_time);

CREATE FUNCTION refuse_security_event_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'security events are append-only' USING ERRCODE = 'restrict_violation';
END
$$;

-- CNIL deliberation 2021-122 keeps such traces for six months at least: nothing younger is ever removed.
CREATE FUNCTION keep_young_security_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.event_time > now() - interval '6 months' THEN
        RAISE EXCEPTION 'this security event is too young to be removed' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN OLD;
END
$$;

-- For the owner too, and for a session that replays changes.
CREATE TRIGGER security_events_append_only BEFORE UPDATE OR TRUNCATE ON security_events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_security_event_change();
CREATE TRIGGER security_events_are_kept BEFORE DELETE ON security_events
    FOR EACH ROW EXECUTE FUNCTION keep_young_security_events();
ALTER TABLE security_events ENABLE ALWAYS TRIGGER security_events_append_only;
ALTER TABLE security_events ENABLE ALWAYS TRIGGER security_events_are_kept;

GRANT SELECT, INSERT, DELETE ON security_events TO identity_service;

-- migrate:down

DROP TABLE security_events;
DROP FUNCTION refuse_security_event_change();
DROP FUNCTION keep_young_security_events();
