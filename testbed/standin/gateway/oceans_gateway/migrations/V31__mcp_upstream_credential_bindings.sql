CREATE TABLE tool_host_credentials (host text PRIMARY KEY REFERENCES tool_hosts ON DELETE CASCADE, sealed bytea NOT NULL);
