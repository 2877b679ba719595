CREATE TABLE mcp_upstream_credential_bindings (host text PRIMARY KEY REFERENCES tool_hosts ON DELETE CASCADE, sealed bytea NOT NULL);
