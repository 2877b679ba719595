CREATE TABLE oidc_challenges (
    challenge text PRIMARY KEY,
    ends_at timestamptz NOT NULL
);
