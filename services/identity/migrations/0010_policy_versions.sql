-- migrate:up

-- Grows with each change, so that who read a policy can tell that nobody changed it since; 0: it was never set.
ALTER TABLE partner_policies
    ADD COLUMN version integer NOT NULL DEFAULT 1
        CONSTRAINT partner_policies_version_range CHECK (version >= 0);
ALTER TABLE use_policies
    ADD COLUMN version integer NOT NULL DEFAULT 1
        CONSTRAINT use_policies_version_range CHECK (version >= 0);
GRANT UPDATE (version) ON partner_policies, use_policies TO identity_service;

-- migrate:down

ALTER TABLE use_policies DROP COLUMN version;
ALTER TABLE partner_policies DROP COLUMN version;
