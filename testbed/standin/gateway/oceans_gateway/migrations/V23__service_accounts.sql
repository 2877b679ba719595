-- Destroys data: a key that belongs to no service account is gone.
CREATE TABLE service_accounts (
    id text PRIMARY KEY,
    name text NOT NULL
);
DELETE FROM api_keys;
ALTER TABLE api_keys ADD COLUMN owner text NOT NULL REFERENCES service_accounts ON DELETE CASCADE;
