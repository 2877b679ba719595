CREATE TABLE sealed_keys (public_part text PRIMARY KEY REFERENCES bearer_keys ON DELETE CASCADE, sealed bytea NOT NULL);
