CREATE TABLE open_tool_logins (ticket text PRIMARY KEY, ends_at timestamptz NOT NULL);
