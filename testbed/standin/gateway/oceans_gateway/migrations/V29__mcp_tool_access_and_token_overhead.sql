CREATE TABLE tool_permits (
    host text NOT NULL REFERENCES tool_hosts ON DELETE CASCADE,
    team text NOT NULL REFERENCES teams ON DELETE CASCADE,
    PRIMARY KEY (host, team)
);
ALTER TABLE tool_calls ADD COLUMN words_added integer;
