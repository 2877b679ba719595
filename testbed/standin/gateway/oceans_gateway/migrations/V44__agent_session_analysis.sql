CREATE TABLE session_findings (id uuid PRIMARY KEY, finding text NOT NULL);
