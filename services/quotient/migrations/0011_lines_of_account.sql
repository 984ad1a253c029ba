-- migrate:up

-- A user sees his own lines (art. 6-1).
CREATE INDEX disclosures_of_account ON disclosures (account_id, caisse_code, consultation_id);

-- migrate:down

DROP INDEX disclosures_of_account;
