CREATE TABLE tool_hosts (
    name text PRIMARY KEY,
    address text NOT NULL
);
