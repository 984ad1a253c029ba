-- migrate:up

-- From where, and with what, a partner's users may call (art. 7-2). Nothing named: from anywhere, without a certificate;
-- so it stays for the partners whose policy is from before.
ALTER TABLE partner_policies
    ADD COLUMN networks cidr[] NOT NULL DEFAULT '{}'
        CONSTRAINT partner_policies_networks_count CHECK (cardinality(networks) <= 64),
    -- SHA-256 of each certificate (DER), in small hexadecimal digits.
    ADD COLUMN client_certificates_sha256 text[] NOT NULL DEFAULT '{}'
        CONSTRAINT partner_policies_client_certificates_count CHECK (cardinality(client_certificates_sha256) <= 16)
        CONSTRAINT partner_policies_client_certificates_shape CHECK (
            array_to_string(client_certificates_sha256, ' ', '-') ~ '^([0-9a-f]{64}( [0-9a-f]{64})*)?$'
            -- So many as there are: none holds two.
            AND length(array_to_string(client_certificates_sha256, ' ', '-'))
                = greatest(0, 65 * cardinality(client_certificates_sha256) - 1)
        );
GRANT UPDATE (networks, client_certificates_sha256) ON partner_policies TO identity_service;

-- migrate:down

ALTER TABLE partner_policies DROP COLUMN networks, DROP COLUMN client_certificates_sha256;
