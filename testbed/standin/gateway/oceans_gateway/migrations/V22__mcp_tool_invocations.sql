CREATE TABLE tool_calls (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    request bigint REFERENCES answered_requests ON DELETE SET NULL,
    tool text NOT NULL
);
