CREATE TABLE tool_conversations (id uuid PRIMARY KEY, ends_at timestamptz NOT NULL);
