CREATE TABLE api_key_managed_credentials (public_part text PRIMARY KEY REFERENCES api_keys ON DELETE CASCADE, sealed bytea NOT NULL);
