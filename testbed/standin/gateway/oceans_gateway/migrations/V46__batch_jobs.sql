-- Plain CREATE TABLE: fails where somebody has made them by hand.
CREATE TABLE batch_jobs (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    model text NOT NULL,
    status text NOT NULL DEFAULT 'submitting'
);
CREATE TABLE batch_items (
    batch uuid NOT NULL REFERENCES batch_jobs ON DELETE CASCADE,
    place integer NOT NULL,
    PRIMARY KEY (batch, place)
);
