-- What the stand-in keeps. The names of users, teams, providers, model_routes with its constraint, pricing_catalog_cache,
-- user_password_auth, user_sessions and api_keys are the gateway's; everything else is the stand-in's own.
CREATE TABLE users (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    email text NOT NULL UNIQUE,
    name text NOT NULL,
    role text NOT NULL DEFAULT 'guest',
    status text NOT NULL DEFAULT 'announced',
    must_change_password smallint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now()
);
-- Apart from the users: a user without a row here can't log in.
CREATE TABLE user_password_auth (
    owner uuid PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    hash text NOT NULL
);
CREATE TABLE user_sessions (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    owner uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    ends_at timestamptz NOT NULL
);
CREATE TABLE teams (
    id text PRIMARY KEY,
    name text NOT NULL
);
CREATE TABLE providers (
    id text PRIMARY KEY,
    type text NOT NULL,
    base_url text
);
CREATE TABLE models (
    id text PRIMARY KEY,
    alias_of text
);
CREATE TABLE model_routes (
    model text NOT NULL REFERENCES models ON DELETE CASCADE,
    place smallint NOT NULL,
    provider text NOT NULL CONSTRAINT model_routes_provider_key_fkey REFERENCES providers,
    upstream_model text NOT NULL,
    PRIMARY KEY (model, place)
);
CREATE TABLE api_keys (
    public_part text PRIMARY KEY,
    secret_digest text NOT NULL
);
CREATE TABLE spending_caps (
    subject text PRIMARY KEY,
    dollars numeric NOT NULL
);
CREATE TABLE answered_requests (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    model text NOT NULL,
    answered_at timestamptz NOT NULL DEFAULT now(),
    words_asked integer NOT NULL DEFAULT 0,
    words_recalled integer NOT NULL DEFAULT 0,
    words_answered integer NOT NULL DEFAULT 0
);
CREATE TABLE pricing_catalog_cache (
    name text PRIMARY KEY,
    content jsonb NOT NULL,
    stored_at timestamptz NOT NULL DEFAULT now()
);
